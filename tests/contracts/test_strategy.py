"""Contract 5: one device, several replicas, several processes and accumulation make the same updates of ragged batches,
for every task; with weight decay, L2, clipping and a moving average, whatever of them is there."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.closeness import assert_close, scale_of
from tests.contracts.strategy_run import STEPS, corpus

LAYOUTS = {
    "one device": ["hardware=cpu"],
    "two turns": ["hardware=cpu", "training.accumulate=2"],
    "two replicas": ["hardware=mirrored", "hardware.logical_devices=2"],
    "four replicas two turns": ["hardware=mirrored", "hardware.logical_devices=4", "training.accumulate=2"],
    "two processes": ["hardware=multi_worker", "hardware.timeout=120"],
}
REFERENCE = "one device"
SLOWLY = ["init.freeze_steps=8", "init.rate=0.3"]

QUICK = [("two replicas", "translation", False), ("two processes", "translation", False)]
"""What plain pytest trains, because each run traces its graphs anew."""

SLOW = [
    ("two turns", "translation", False),
    ("four replicas two turns", "translation", False),
    ("two replicas", "translation", True),
    ("four replicas two turns", "speech", False),
    ("two processes", "speech", True),
    ("two processes", "classification", False),
    ("four replicas two turns", "classification", True),
    ("four replicas two turns", "language_model", False),
    ("two processes", "language_model", True),
    ("two replicas", "autoencoder", False),
    ("two turns", "autoencoder", True),
    ("four replicas two turns", "stream", False),
]
"""Every task meets replicas, processes, accumulation and weights that were taken, and the last of these the others."""

MOMENT = re.compile(r"optimizer/slots/\d+/(\d)/")
"""Which moment of the gradients an array of a checkpoint is; as gradients, those of all weights have one scale."""


def ports(number: int) -> list[int]:
    """Free ones, just now."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("localhost", 0))
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


class Runs:
    """Runs in processes of their own, each trained when it is first asked for.

    They are forks of one that has imported all that they need.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._trained: set[Path] = set()
        corpus(root / "corpus")
        repository = Path(__file__).parents[2]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.contracts.strategy_run"],
            env={
                **os.environ,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "PYTHONPATH": os.pathsep.join([str(repository), os.environ.get("PYTHONPATH", "")]),
            },
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, layout: str, task: str, warm: bool = False) -> Path:
        """With ``warm``, one that begins with the encoder of the run on one device."""
        run = self.root / f"{layout.replace(' ', '-')}{'-warm' * warm}" / task
        if run not in self._trained:
            options = [f"init.encoder={self(REFERENCE, task)}", *SLOWLY] if warm else []
            self._train(run, layout, task, options)
            self._trained.add(run)
        return run

    def _train(self, run: Path, layout: str, task: str, options: list[str]) -> None:
        configs: list[dict[str, object]] = [{}]
        if layout == "two processes":
            workers = [f"localhost:{port}" for port in ports(2)]
            tasks = [{"type": "worker", "index": n} for n in range(2)]
            configs = [{"cluster": {"worker": workers}, "task": one} for one in tasks]
        files, options = str(self.root / "corpus"), [*LAYOUTS[layout], *options]
        jobs = [(task, files, str(run), options, json.dumps(config)) for config in configs]
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{json.dumps(jobs)}\n")
        self.process.stdin.flush()
        codes = json.loads(self.process.stdout.readline())
        logs = [(self.root / f"{number}.log").read_text(encoding="utf-8") for number in range(len(jobs))]
        assert not any(codes), "\n".join(logs)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    runs = Runs(tmp_path_factory.mktemp("strategy"))
    yield runs
    runs.process.communicate()


def outcome(run: Path) -> tuple[dict[str, np.ndarray], list[dict[str, float]]]:
    """Every number of the last checkpoint, and what was reported."""
    reader = tf.train.load_checkpoint(str(run / "checkpoints" / f"step-{STEPS:08d}" / "training"))
    arrays = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return {name: array for name, array in arrays.items() if not isinstance(array, bytes)}, records


@pytest.mark.parametrize(
    ("layout", "task", "warm"), [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)]
)
def test_the_same_updates(runs: Runs, layout: str, task: str, warm: bool) -> None:
    """With ``warm`` of what was taken, too: frozen first, and slower than the rest after that."""
    assert_same(outcome(runs(layout, task, warm)), outcome(runs(REFERENCE, task, warm)))


def assert_same(
    found: tuple[dict[str, np.ndarray], list[dict]], wanted: tuple[dict[str, np.ndarray], list[dict]]
) -> None:
    (arrays, records), (expected, expected_records) = found, wanted
    assert arrays.keys() == expected.keys()
    assert len(arrays) > 20
    moments = {name: match[1] for name in expected if (match := MOMENT.match(name))}
    scales = {
        which: scale_of([expected[name] for name in moments if moments[name] == which])
        for which in set(moments.values())
    }
    for name, array in expected.items():
        scale = scales[moments[name]] if name in moments else None
        assert_close(arrays[name], array, scale=scale, name=name)
    assert len(records) == len(expected_records) == STEPS + 1
    for record, other in zip(records, expected_records):
        for name in ("step", "epoch", "loss", "gradient_norm", "learning_rate", "val_loss"):
            if name in other:
                assert record[name] == pytest.approx(other[name], rel=1e-5), (name, other["step"])


@pytest.mark.parametrize("task", ["translation", pytest.param("speech", marks=pytest.mark.slow)])
def test_the_updates_change_something(runs: Runs, task: str) -> None:
    _, records = outcome(runs(REFERENCE, task))
    assert records[STEPS - 1]["loss"] < records[0]["loss"] - 0.1
    assert "replicas" not in records[0]


def test_reports_say_how_many_replicas_there_are(runs: Runs) -> None:
    _, records = outcome(runs("two processes", "translation"))
    assert records[0]["replicas"] == 2
    assert len(records[0]["memory_of_workers"]) == 2
    assert min(records[0]["memory_of_workers"]) > 100
