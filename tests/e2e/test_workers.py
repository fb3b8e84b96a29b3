"""Two processes that train together: one is asked to stop, then one is killed; what becomes of the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.contracts.strategy_run import SHARED, TRANSLATION, corpus, data_of
from tests.contracts.test_strategy import ports

ROOT = Path(__file__).parents[2]
TRY_AGAIN = 75


def start(run: Path, workers: list[str]) -> list[subprocess.Popen[str]]:
    options = [*TRANSLATION, *data_of("translation", run.parent / "corpus"), *SHARED]
    command = [
        sys.executable,
        str(ROOT / "train.py"),
        *options,
        "training.max_steps=100000",
        "training.epochs=20000",
    ]
    configs = [{"cluster": {"worker": workers}, "task": {"type": "worker", "index": n}} for n in range(2)]
    return [
        subprocess.Popen(
            [*command, "hardware=multi_worker", "hardware.timeout=120", f"run_dir={run}"],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_CONFIG": json.dumps(config)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for config in configs
    ]


def wait_for_steps(run: Path, number: int) -> None:
    """Until so many more are reported."""
    log = run / "metrics.jsonl"

    def lines() -> int:
        return log.read_bytes().count(b"\n") if log.exists() else 0

    wanted, deadline = lines() + number, time.monotonic() + 300
    while lines() < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow  # two clusters of two processes, each of which traces its own graphs
def test_workers_stop_together_and_miss_each_other(tmp_path: Path) -> None:
    corpus(tmp_path / "corpus")
    run = tmp_path / "run"
    workers = [f"localhost:{port}" for port in ports(2)]

    first, second = start(run, workers)
    wait_for_steps(run, 3)
    second.send_signal(signal.SIGTERM)
    said = [process.communicate(timeout=120)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [TRY_AGAIN, TRY_AGAIN], said
    assert "with a checkpoint. Go on with: python train.py run_dir=" in said[0]
    (checkpoint,) = (run / "checkpoints").glob("step-*")

    first, second = start(run, workers)
    wait_for_steps(run, 3)
    second.kill()
    _, said_by_first = first.communicate(timeout=120)
    second.communicate()
    assert first.returncode == TRY_AGAIN, said_by_first
    assert "error: Worker 0 stops, because another one is gone (" in said_by_first
    assert "Traceback" not in said_by_first
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, len(steps) + 1))  # the second start went on after the first
    assert checkpoint.exists()
