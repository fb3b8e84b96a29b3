"""A process of `test_interruption`: stops a command again and again before lines chosen at random."""

from __future__ import annotations

import json
import random
import signal
import sys
import tempfile
from pathlib import Path

import tensorflow as tf

import seq2seq.cli.commands
import seq2seq.runs.export
import seq2seq.runs.use
from tests.contracts.stopped_process import Lines, Regions, start, stopping

REGIONS: Regions = {"command": (seq2seq.cli.commands, "run")}
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def main(unbroken: list[str], stopped: list[str], folder: Path, stops: int, seed: int) -> None:
    """Runs the command `unbroken`, and `stopped`, the same elsewhere, until it was stopped often enough and once more
    to its end; prints how each of its starts ended and what it left in the folders `stopped` and `tmp`."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # it takes its time
    assert start(unbroken, folder / "unbroken", Lines(REGIONS, list(REGIONS))) == 0
    lines = int(
        0.97 * json.loads((folder / "unbroken.lines").read_text())["command"]
    )  # it may be a few less next time
    tempfile.tempdir = str(folder / "tmp")
    Path(tempfile.tempdir).mkdir()
    rng = random.Random(seed)
    ends = []
    for n in range(stops + 1):
        number = list(CODES)[n % len(CODES)]
        log = folder / f"stopped-{n}"
        line = lines - int(
            lines * rng.random() ** 2
        )  # half of them in the last quarter: first, a command reads
        stop = stopping(REGIONS, "command", line, number) if n < stops else Lines(REGIONS)
        code = start(stopped, log, stop)
        left = [
            str(path.relative_to(folder))
            for name in ("stopped", "tmp")
            for path in (folder / name).rglob("*")
        ]
        expected = CODES[number] if n < stops else 0
        ends.append({"code": code, "expected": expected, "log": Path(f"{log}.log").read_text(), "left": left})
    print(json.dumps(ends))


if __name__ == "__main__":
    main(*map(json.loads, sys.argv[1:3]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
