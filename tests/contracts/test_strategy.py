"""Contract 5: one device, several replicas, several processes and accumulation make the same updates of ragged batches,
for both tasks; with weight decay, L2, clipping and a moving average, whatever of them is there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.closeness import assert_close
from tests.contracts.strategy_run import STEPS, corpus

LAYOUTS = {
    "one device": ["hardware=cpu"],
    "two turns": ["hardware=cpu", "training.accumulate=2"],
    "two replicas": ["hardware=mirrored", "hardware.logical_devices=2"],
    "four replicas two turns": ["hardware=mirrored", "hardware.logical_devices=4", "training.accumulate=2"],
    "two processes": ["hardware=multi_worker", "hardware.timeout=120"],
}
TASKS = ("translation", "speech")


def ports(number: int) -> list[int]:
    """Free ones, just now."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("localhost", 0))
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


def start(folder: Path, arguments: list[str], tf_config: str = "{}") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contracts.strategy_run", str(folder), *arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_CONFIG": tf_config},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each layout, with a run of each task; two processes train at a time."""
    root = tmp_path_factory.mktemp("strategy")
    corpus(root / "corpus")
    workers = [f"localhost:{port}" for port in ports(2)]
    *single, both = LAYOUTS.items()
    groups = [[(name, arguments, "{}")] for name, arguments in single]
    configs = [{"cluster": {"worker": workers}, "task": {"type": "worker", "index": n}} for n in range(2)]
    groups.append([(*both, json.dumps(config)) for config in configs])
    for group in groups:
        processes = [start(root / name, arguments, config) for name, arguments, config in group]
        for process in processes:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
    return root


def outcome(run: Path) -> tuple[dict[str, np.ndarray], list[dict[str, float]]]:
    """Every number of the last checkpoint, and what was reported."""
    reader = tf.train.load_checkpoint(str(run / "checkpoints" / f"step-{STEPS:08d}" / "training"))
    arrays = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return {name: array for name, array in arrays.items() if not isinstance(array, bytes)}, records


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("layout", list(LAYOUTS)[1:])
def test_the_same_updates(runs: Path, layout: str, task: str) -> None:
    expected, expected_records = outcome(runs / "one device" / task)
    arrays, records = outcome(runs / layout / task)
    assert arrays.keys() == expected.keys()
    assert len(arrays) > 30
    for name, array in expected.items():
        assert_close(arrays[name], array, name=name)
    assert len(records) == len(expected_records) == STEPS + 1
    for record, other in zip(records, expected_records):
        for name in ("step", "epoch", "loss", "gradient_norm", "learning_rate", "val_loss"):
            if name in other:
                assert record[name] == pytest.approx(other[name], rel=1e-5), (name, other["step"])


@pytest.mark.parametrize("task", TASKS)
def test_the_updates_change_something(runs: Path, task: str) -> None:
    _, records = outcome(runs / "one device" / task)
    assert records[STEPS - 1]["loss"] < records[0]["loss"] - 0.1
    assert "replicas" not in records[0]


def test_reports_say_how_many_replicas_there_are(runs: Path) -> None:
    _, records = outcome(runs / "two processes" / "speech")
    assert records[0]["replicas"] == 2
    assert len(records[0]["memory_of_workers"]) == 2
    assert min(records[0]["memory_of_workers"]) > 100
