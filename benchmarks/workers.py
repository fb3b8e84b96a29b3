"""What a second process costs and brings: time per step and bytes exchanged, with 1 and 2 processes on this machine.

    python benchmarks/workers.py --data-root MULTI30K

Each process has a core of its own, and the batch of a step is the same; so two processes can at best take half of the
time of one. Bytes are what the loopback device carried between two reports.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEPS = 20  # between two reports; those before the first report are for the graph


def loopback_bytes() -> int:
    """Sent over the loopback device so far."""
    lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[9]) for line in lines if line.strip().startswith("lo:"))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return int(found.getsockname()[1])


def records(run: Path) -> list[dict[str, float]]:
    log = run / "metrics.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def measure(processes: int, overrides: list[str], root: Path) -> dict[str, float]:
    """Milliseconds and megabytes of a step."""
    run = root / f"{processes}"
    workers = [f"localhost:{free_port()}" for _ in range(processes)]
    hardware = ["hardware=multi_worker", "hardware.precision=bfloat16"] if processes > 1 else []
    started = []
    for number in range(processes):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": number}}
        command = [sys.executable, "-m", "seq2seq.cli", "train", *overrides, *hardware, f"run_dir={run}"]
        core = number % (os.cpu_count() or 1)
        started.append(
            subprocess.Popen(
                [*command, f"training.max_steps={4 * STEPS}", f"training.report_every={STEPS}"],
                env={**os.environ, "TF_CONFIG": json.dumps(task) if processes > 1 else "{}"},
                preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
    seen: list[tuple[float, int]] = []
    while len(seen) < 3:
        if any(process.poll() for process in started):
            raise SystemExit("a process ended with an error")
        if len(records(run)) > len(seen):
            seen.append((time.perf_counter(), loopback_bytes()))
        time.sleep(0.001)
    for process in started:
        process.kill()
        process.wait()
    (start, before), (end, after) = seen[0], seen[-1]
    steps = (len(seen) - 1) * STEPS
    return {"ms": 1000 * (end - start) / steps, "MB": (after - before) / steps / 1e6}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", required=True, help="folder of Multi30k")
    parser.add_argument("--rounds", type=int, default=2)
    arguments, overrides = parser.parse_known_args()
    overrides = ["experiment=multi30k_en_de", f"data.root={arguments.data_root}", *overrides]
    overrides += ["training.plots=false", "training.tensorboard=false"]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            one, two = (measure(n, overrides, Path(folder) / str(number)) for n in (1, 2))
            print(
                f"round {number + 1}: 1 process {one['ms']:.0f} ms a step, {one['MB']:.2f} MB;"
                f" 2 processes {two['ms']:.0f} ms, {two['MB']:.1f} MB; {one['ms'] / two['ms']:.2f} times as fast",
                flush=True,
            )


if __name__ == "__main__":
    main()
