"""A run that was stopped anywhere and started again equals the unbroken one, bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.errors import PreemptedError, UserError
from seq2seq.hardware.devices import Hardware
from seq2seq.metrics.metric import Validation
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.reports.metrics_log import read_metrics
from seq2seq.training.reports.observer import Observer

from .toy_task import Killer, ToyTask, make_loop

TIMES = {"time", "tokens_per_second", "sentences_per_second", "memory"}


def outcome(run: Path) -> tuple[dict[str, np.ndarray], list[dict], dict]:
    """All arrays of the last checkpoint, the records but for times, and the state of the loop but for
    times."""
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
    metrics = state["running_metrics"]
    state["running_metrics"] = {
        name: value for name, value in metrics.items() if not name.startswith("timed")
    }
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
@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((2,), marks=pytest.mark.slow),
        (5,),
        (10, 12),
        pytest.param((17, 24, 29), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_killed(tmp_path: Path, unbroken: Path, steps: tuple[int, ...]) -> None:
    for step in steps:
        with pytest.raises(KillError):
            make_loop(tmp_path, observers=[Killer(step, kill)]).run()
    make_loop(tmp_path).run()
    assert_same_outcome(tmp_path, unbroken)


@pytest.mark.parametrize("steps", [(1, 6), (10, 11, 12, 20), (30,)], ids=str)
def test_interrupted(tmp_path: Path, unbroken: Path, steps: tuple[int, ...]) -> None:
    handler = signal.getsignal(
        signal.SIGINT
    )  # a shell starts what runs in the background with SIGINT ignored
    for step in steps:
        loop = make_loop(
            tmp_path, observers=[Killer(step, interrupt)], resume_command="python train.py run_dir=R"
        )
        with pytest.raises(KeyboardInterrupt) as stopped:
            loop.run()
        assert (tmp_path / "checkpoints" / f"step-{step:08d}" / "checkpoint.json").is_file()
        expected = f"Stopped after step {step}, with a checkpoint. Go on with: python train.py run_dir=R"
        assert str(stopped.value) == expected
        assert not isinstance(stopped.value, PreemptedError)
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
    def validate(self, model: object) -> Validation:
        interrupt()
        return super().validate(model)


def test_interrupted_in_validation(tmp_path: Path, unbroken: Path) -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            make_loop(tmp_path, task=InterruptedValidation()).run()
        assert [record["step"] for record in read_metrics(tmp_path / "metrics.jsonl")] == [4]
    make_loop(tmp_path).run()
    assert_same_outcome(tmp_path, unbroken)


class InterruptedSwap(MovingAverage):
    """Sends signals right before some of the assignments, counted from 1 over the whole run, that swap weights."""

    def __init__(self, *signals: tuple[int, signal.Signals]) -> None:
        super().__init__(0.9)
        self.signals = signals
        self.assignments = 0

    @contextmanager
    def swapped_in(self, variables: Sequence[tf.Variable]) -> Iterator[None]:
        kind = type(variables[0])
        assign = kind.assign

        def interrupted(variable: tf.Variable, *args: Any, **kwargs: Any) -> Any:
            self.assignments += 1
            for at, number in self.signals:
                if at == self.assignments:
                    signal.raise_signal(number)
            return assign(variable, *args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kind, "assign", interrupted)
            with super().swapped_in(variables):
                yield


# The three weights are swapped in and back for the checkpoint after step 5 (assignments 1 to 6), for the validation
# after step 6 (7 to 12), and for the checkpoint after it (13 to 18).
@pytest.mark.parametrize("at", [5, 8, 9, 11, 12, 14])
def test_interrupted_while_weights_are_swapped(tmp_path: Path, unbroken: Path, at: int) -> None:
    with pytest.raises(KeyboardInterrupt) as stopped:
        make_loop(tmp_path, average=InterruptedSwap((at, signal.SIGINT))).run()
    assert str(stopped.value) == f"Stopped after step {5 if at < 7 else 6}, with a checkpoint."
    make_loop(tmp_path).run()
    assert_same_outcome(tmp_path, unbroken)


@pytest.mark.parametrize("at", [(2, 5), (8, 8), (8, 11), (11, 12), (14, 17)], ids=str)
def test_interrupted_twice_while_weights_are_swapped(
    tmp_path: Path, unbroken: Path, at: tuple[int, int]
) -> None:
    first, second = at
    swap = InterruptedSwap((first, signal.SIGINT), (second, signal.SIGTERM))
    with pytest.raises(PreemptedError):
        make_loop(tmp_path, average=swap).run()
    make_loop(tmp_path).run()
    assert_same_outcome(tmp_path, unbroken)


def test_a_signal_after_the_last_step_is_not_forgotten(tmp_path: Path, unbroken: Path) -> None:
    """What follows training, which may take long, is not begun."""

    class Late(Observer):
        def close(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(PreemptedError, match=r"^Stopped after step 30, with a checkpoint\.$"):
        make_loop(tmp_path, observers=[Late()]).run()
    assert make_loop(tmp_path).run().step == 30
    assert_same_outcome(tmp_path, unbroken)


class InterruptedBatch(ToyTask):
    def batches(self, epoch: int, skip: int) -> Any:
        data = super().batches(epoch, skip)

        class Interrupting:
            element_spec = data.element_spec

            def __iter__(self) -> Iterator[Any]:
                for number, batch in enumerate(data, skip):
                    if number == 5:
                        interrupt()
                    yield batch

        return Interrupting()


def test_a_step_that_nothing_depends_on_is_broken_off(tmp_path: Path, unbroken: Path) -> None:
    """As the first one, which waits for its graph, or one right after a checkpoint, here of step 5."""
    with pytest.raises(KeyboardInterrupt, match=r"^Stopped after step 5, with a checkpoint\.$"):
        make_loop(tmp_path, task=InterruptedBatch()).run()
    make_loop(tmp_path).run()
    assert_same_outcome(tmp_path, unbroken)


def test_the_second_interrupt_stops_at_once(tmp_path: Path) -> None:
    def twice() -> None:
        interrupt()
        interrupt()

    with pytest.raises(KeyboardInterrupt) as stopped:
        make_loop(tmp_path, observers=[Killer(7, twice)]).run()
    assert str(stopped.value) == "Stopped after step 7; the newest checkpoint is of step 6."
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


@pytest.fixture(scope="module")
def twelve_steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "twelve"
    make_loop(run, max_steps=12).run()
    return run


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
    tmp_path: Path,
    twelve_steps: Path,
    first: dict,
    then: dict,
    words: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    run = tmp_path / "run"
    if first:
        make_loop(run, max_steps=12, **first).run()
    else:
        shutil.copytree(twelve_steps, run)
    before = tensors(run)
    caplog.clear()
    loop = make_loop(run, max_steps=13, **then)
    loop._restore()
    assert [text for text in caplog.messages if "starts at" in text] == words
    for name, variable in (("kernel", loop._model.kernel), ("bias", loop._model.bias)):
        np.testing.assert_array_equal(before[f"model/{name}/.ATTRIBUTES/VARIABLE_VALUE"], variable.numpy())
    assert make_loop(run, max_steps=13, **then).run().step == 13


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
