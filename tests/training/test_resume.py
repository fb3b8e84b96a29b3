"""A run that was stopped anywhere and started again equals the unbroken one, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seq2seq.errors import PreemptedError, UserError
from seq2seq.hardware.devices import Hardware
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.reports.metrics_log import read_metrics

from .toy_task import Killer, ToyTask, make_loop

TIMES = {"time", "tokens_per_second", "sentences_per_second", "memory"}


def outcome(run: Path) -> tuple[dict[str, np.ndarray], list[dict], dict]:
    """All arrays of the last checkpoint, the records but for times, and the state of the loop but for
    times."""
    import tensorflow as tf

    last = max((run / "checkpoints").glob("step-*"))
    reader = tf.train.load_checkpoint(str(last / "training"))
    arrays = {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    }
    records = [
        {name: value for name, value in record.items() if name not in TIMES}
        for record in read_metrics(run / "metrics.jsonl")
    ]
    state = json.loads((last / "checkpoint.json").read_text())["state"]
    del state["position"]["seconds"]
    state["tally"] = {name: value for name, value in state["tally"].items() if not name.startswith("timed")}
    return arrays, records, state


def assert_same_outcome(run: Path, unbroken: Path) -> None:
    arrays, records, state = outcome(run)
    expected_arrays, expected_records, expected_state = outcome(unbroken)
    assert arrays.keys() == expected_arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected_arrays[name], err_msg=name)
    assert records == expected_records
    assert state == expected_state


class KillError(Exception):
    """Ends the loop as a kill would: nothing more is written."""


def kill() -> None:
    raise KillError


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("unbroken")
    result = make_loop(run).run()
    assert (result.step, result.epochs, result.reason) == (30, 3, "30 steps")
    assert len(read_metrics(run / "metrics.jsonl")) == 7 + 5
    return run


def test_the_unbroken_run_changes_everything_it_keeps(unbroken: Path) -> None:
    """Otherwise equality in the tests below would say little."""
    arrays, _, state = outcome(unbroken)
    changed = make_loop(unbroken / "other", max_steps=29)
    changed.run()
    others, _, _ = outcome(unbroken / "other")
    constant = {name for name, array in arrays.items() if np.array_equal(array, others[name])}
    assert {name.split("/")[1] for name in constant} <= {"scale"}
    assert state["position"]["step"] == 30


# Before the first checkpoint, right after one, at the end of an epoch (10), at validations (12, 24), often.
@pytest.mark.parametrize("steps", [(2,), (5,), (10, 12), (17, 24, 29)], ids=str)
def test_killed(tmp_path: Path, unbroken: Path, steps: tuple[int, ...]) -> None:
    for step in steps:
        with pytest.raises(KillError):
            make_loop(tmp_path, observers=[Killer(step, kill)]).run()
    make_loop(tmp_path).run()
    assert_same_outcome(tmp_path, unbroken)


@pytest.mark.parametrize("steps", [(1, 6), (10, 11, 12, 20), (30,)], ids=str)
def test_interrupted(
    tmp_path: Path, unbroken: Path, steps: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    handler = signal.getsignal(
        signal.SIGINT
    )  # a shell starts what runs in the background with SIGINT ignored
    for step in steps:
        loop = make_loop(
            tmp_path, observers=[Killer(step, interrupt)], resume_command="python train.py run_dir=R"
        )
        with pytest.raises(KeyboardInterrupt):
            loop.run()
        assert (tmp_path / "checkpoints" / f"step-{step:08d}" / "checkpoint.json").is_file()
        assert (
            f"Stopped after step {step}, with a checkpoint. Go on with: python train.py run_dir=R"
            in caplog.text
        )
    assert signal.getsignal(signal.SIGINT) is handler
    make_loop(tmp_path).run()
    assert_same_outcome(tmp_path, unbroken)


def test_stopped_by_the_system(tmp_path: Path, unbroken: Path) -> None:
    """SIGTERM, as schedulers send it before they kill: the command line tells it from Ctrl-C."""
    killer = Killer(7, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(PreemptedError):
        make_loop(tmp_path, observers=[killer]).run()
    assert (tmp_path / "checkpoints" / "step-00000007" / "checkpoint.json").is_file()
    make_loop(tmp_path).run()
    assert_same_outcome(tmp_path, unbroken)


class InterruptedValidation(ToyTask):
    def validate(self, model: object) -> dict[str, float]:
        interrupt()
        return super().validate(model)


def test_interrupted_in_validation(tmp_path: Path, unbroken: Path) -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            make_loop(tmp_path, task=InterruptedValidation()).run()
        assert [record["step"] for record in read_metrics(tmp_path / "metrics.jsonl")] == [4]
    make_loop(tmp_path).run()
    assert_same_outcome(tmp_path, unbroken)


def test_the_second_interrupt_stops_at_once(tmp_path: Path) -> None:
    def twice() -> None:
        interrupt()
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        make_loop(tmp_path, observers=[Killer(7, twice)]).run()
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "step-00000005",
        "step-00000006",
    ]


def test_killed_by_the_system(tmp_path: Path, unbroken: Path) -> None:
    tests = Path(__file__).parent.parent
    killed = subprocess.run(
        [sys.executable, "-m", "training.toy_task", str(tmp_path), "16"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests.parent), str(tests)])},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    make_loop(tmp_path).run()
    assert_same_outcome(tmp_path, unbroken)


def test_the_data_goes_on_where_it_was(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make_loop(tmp_path, observers=[Killer(13, interrupt)]).run()
    task = ToyTask()
    make_loop(tmp_path, task=task).run()
    assert task.batches_asked == [(1, 3), (2, 0)]


def test_a_finished_run_returns_at_once_and_goes_on_with_a_later_end(tmp_path: Path, unbroken: Path) -> None:
    make_loop(tmp_path, max_steps=12).run()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = make_loop(tmp_path, max_steps=12)
    assert again.run().best_step == 12
    assert again.step is None  # no graph was traced
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    make_loop(tmp_path, max_steps=30).run()
    assert_same_outcome(tmp_path, unbroken)


# --- parts that are turned on or off on the way ---


def tensors(run: Path, prefix: str = "training") -> dict[str, np.ndarray]:
    import tensorflow as tf

    last = max((run / "checkpoints").glob("step-*"))
    reader = tf.train.load_checkpoint(str(last / prefix))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


FLOAT16 = {"hardware": Hardware(float16=True)}


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        ({"average": None}, {}, ["The moving average of the weights starts at step 12."]),
        ({}, {"average": None}, []),
        ({}, FLOAT16, ["The loss scale of float16 starts at step 12."]),
        (FLOAT16, {}, []),
        ({"plateau": None, "early_stopping": None}, {}, []),
        ({}, {"plateau": None, "early_stopping": None}, []),
        ({}, {"accumulate": 1, "report_every": 3, "validate_every": 0, "checkpoint_every": 0, "clip_norm": None}, []),
    ],
)  # fmt: skip
def test_parts_may_be_turned_on_and_off(
    tmp_path: Path, first: dict, then: dict, words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    make_loop(tmp_path, max_steps=12, **first).run()
    before = tensors(tmp_path)
    caplog.clear()
    loop = make_loop(tmp_path, max_steps=13, **then)
    loop._restore()
    assert [text for text in caplog.messages if "starts at" in text] == words
    for name, variable in (("kernel", loop._model.kernel), ("bias", loop._model.bias)):
        np.testing.assert_array_equal(before[f"model/{name}/.ATTRIBUTES/VARIABLE_VALUE"], variable.numpy())
    assert make_loop(tmp_path, max_steps=13, **then).run().step == 13


def test_an_average_that_is_turned_on_starts_from_the_weights(tmp_path: Path) -> None:
    make_loop(tmp_path, max_steps=12, average=None).run()
    average = MovingAverage(0.9)
    loop = make_loop(tmp_path, average=average)
    loop._restore()
    for variable, mean in zip(loop._model.trainable_variables, average.averages):
        np.testing.assert_array_equal(variable.numpy(), mean.numpy())


def test_a_position_behind_the_end_of_its_epoch_is_the_next_epoch(tmp_path: Path) -> None:
    """As in a checkpoint of a version that planned more batches; with other data the run would be refused."""
    make_loop(tmp_path, max_steps=8).run()

    class Shorter(ToyTask):
        def steps_per_epoch(self, epoch: int) -> int:
            return 5

    result = make_loop(tmp_path, task=Shorter(), max_steps=11).run()
    assert (result.step, result.epochs) == (11, 2)


def test_an_epoch_without_a_batch_is_refused(tmp_path: Path) -> None:
    class Empty(ToyTask):
        def steps_per_epoch(self, epoch: int) -> int:
            return 0

    with pytest.raises(UserError, match="The training data gives no batch"):
        make_loop(tmp_path, task=Empty()).run()


def test_every_checkpoint_says_what_the_run_is(tmp_path: Path) -> None:
    make_loop(
        tmp_path, max_steps=12, run_state={"data": {"train": 37}, "schedule": {"total_steps": 12}}
    ).run()
    for path in (tmp_path / "checkpoints").glob("step-*"):
        state = json.loads((path / "checkpoint.json").read_text())["state"]
        assert (state["data"], state["schedule"]) == ({"train": 37}, {"total_steps": 12})
