"""A loop that is given weights to begin with: once, before the first update, and never again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.training.checkpoints.store import CheckpointStore
from seq2seq.training.loop import TrainingLoop
from seq2seq.training.optim.optimizers import SGD, Adam, Optimizer
from seq2seq.training.optim.schedules import Constant, InverseSquareRoot
from seq2seq.training.optim.taken import Taken
from seq2seq.training.reports.metrics_log import read_metrics
from tests.training.test_resume import KillError, assert_same_outcome, kill
from tests.training.toy_task import Killer, ToyModel, make_loop

FROZEN = 8


NEW = slice(4, 6)
"""Rows of words that the other model does not know."""


def loop(
    run: Path, calls: list[ToyModel] | None = None, optimizer: Optimizer | None = None, **changes: object
) -> TrainingLoop:
    """With the weights of another model, all but two rows."""
    model = ToyModel()
    optimizer = optimizer or Adam(InverseSquareRoot(0.05, warmup_steps=5))
    optimizer.taken = taken = Taken(FROZEN, 0.3)

    def warm_start() -> None:
        (calls if calls is not None else []).append(model)
        masks = [np.ones(variable.shape, bool) for variable in model.trainable_variables]
        for variable, other, mask in zip(
            model.trainable_variables, ToyModel(seed=2).trainable_variables, masks
        ):
            if variable is model.embedding:
                mask[NEW] = False
            variable.assign(np.where(mask, other, variable))
        taken.mark(masks)

    return make_loop(run, model=model, optimizer=optimizer, warm_start=warm_start, **changes)


def began() -> np.ndarray:
    """What the embeddings begin with."""
    expected = ToyModel(seed=2).embedding.numpy()
    expected[NEW] = ToyModel().embedding.numpy()[NEW]
    return expected


def embedding(run: Path, step: int, part: str = "training") -> np.ndarray:
    prefix = run / "checkpoints" / f"step-{step:08d}" / part
    return tf.train.load_variable(str(prefix), "model/embedding/.ATTRIBUTES/VARIABLE_VALUE")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("unbroken")
    loop(run).run()
    return run


@pytest.mark.parametrize("steps", [(1,), (5, 6), (FROZEN, 12, 29)], ids=str)
def test_a_run_that_is_killed_goes_on_exactly(tmp_path: Path, unbroken: Path, steps: tuple[int, ...]) -> None:
    calls: list[ToyModel] = []
    for step in steps:
        with pytest.raises(KillError):
            loop(tmp_path, calls, observers=[Killer(step, kill)]).run()
    loop(tmp_path, calls).run()
    assert len(calls) == 1
    assert_same_outcome(tmp_path, unbroken)


def test_the_first_checkpoint_is_what_was_taken(tmp_path: Path) -> None:
    with pytest.raises(KillError):
        loop(tmp_path, observers=[Killer(1, kill)]).run()
    store = CheckpointStore(tmp_path / "checkpoints")
    assert [(one.step, one.milestone, one.best) for one in store.all()] == [(0, False, False)]
    for part in ("weights", "training"):  # the average, too, begins there
        np.testing.assert_array_equal(embedding(tmp_path, 0, part), began())


def test_what_was_taken_waits_and_the_rest_does_not(tmp_path: Path) -> None:
    start, taken = began(), np.ones(len(began()), bool)
    taken[NEW] = False
    with pytest.raises(KillError):
        loop(tmp_path, checkpoint_every=1, observers=[Killer(FROZEN + 1, kill)]).run()
    for step in (FROZEN - 1, FROZEN):
        for part in ("training", "weights"):  # the second is the average
            found = embedding(tmp_path, step, part)
            np.testing.assert_array_equal(found[taken], start[taken])
            assert (found[NEW] != start[NEW]).all()
    loop(tmp_path, max_steps=FROZEN + 1).run()
    found = embedding(tmp_path, FROZEN + 1)
    used = [row for row in np.flatnonzero(taken) if row not in (0, 1, 3)]  # which no input holds
    assert (found[used] != start[used]).all()


def test_the_clock_of_a_run_starts_at_zero(unbroken: Path) -> None:
    assert read_metrics(unbroken / "metrics.jsonl")[0]["time"] < 300.0


def test_what_is_clipped_is_what_moves(tmp_path: Path) -> None:
    """Of stochastic gradient descent the update is as long as clipping lets it be."""
    loop(tmp_path, optimizer=SGD(Constant(0.5)), clip_norm=0.01, max_steps=1).run()
    moved = embedding(tmp_path, 1) - began()
    assert np.linalg.norm(moved) == pytest.approx(0.5 * 0.01, rel=1e-4)
    assert np.linalg.norm(moved[NEW]) == np.linalg.norm(moved)
    for record in read_metrics(tmp_path / "metrics.jsonl"):
        assert record.get("gradient_norm", 1.0) > 0.01
