"""A step in turns, with a loss scale, and traced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.training.optim.loss_scale import LossScale
from seq2seq.training.optim.optimizers import SGD
from seq2seq.training.optim.schedules import Constant
from seq2seq.training.reports.profiler import Profiler
from seq2seq.training.step import StepOptions, TrainStep
from tests.closeness import assert_all_close

from .toy_task import Batch, ToyModel, ToyTask, make_loop


def make_step(model: ToyModel, loss_scale: LossScale | None = None, **options: object) -> TrainStep:
    optimizer = SGD(Constant(0.1))
    optimizer.build(model.trainable_variables)
    task = ToyTask()
    return TrainStep(
        model=model,
        loss=lambda *inputs: task.loss(*inputs[:2], False),
        optimizer=optimizer,
        options=StepOptions(**options),
        loss_scale=loss_scale,
    )


def batch(*numbers: int) -> Batch:
    return Batch(*map(tf.constant, ToyTask().batch(np.array(numbers))))


def weights(model: ToyModel) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables]


@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_turns_make_the_update_of_the_whole_twice(clip_norm: float | None) -> None:
    whole, turns = ToyModel(), ToyModel()
    one = make_step(whole, clip_norm=clip_norm, l2=1e-3)
    three = make_step(turns, clip_norm=clip_norm, l2=1e-3, accumulate=3)
    for numbers in ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9)):
        expected = one(((batch(*numbers),),))
        found = three(((batch(*numbers[:2]),), (batch(numbers[2]),), (batch(*numbers[3:]),)))
        assert_all_close(found, expected)
        assert_all_close(weights(turns), weights(whole))


def test_the_scale_of_the_loss_changes_no_update() -> None:
    plain, scaled = ToyModel(), ToyModel()
    scale = LossScale(1024.0)
    expected = make_step(plain, clip_norm=0.1, l2=1e-3)(((batch(0, 1),),))
    found = make_step(scaled, clip_norm=0.1, l2=1e-3, loss_scale=scale)(((batch(0, 1),),))
    assert_all_close(found, expected._replace(loss_scale=1024.0))
    assert_all_close(weights(scaled), weights(plain))


def test_an_overflow_halves_the_scale_and_changes_nothing_else() -> None:
    model, scale = ToyModel(), LossScale(2.0**127, patience=2)
    step, before = make_step(model, loss_scale=scale), weights(model)
    report = step(((batch(0, 1),),))
    assert not report.finite
    assert np.isfinite(report.loss)
    assert report.loss_scale == 2.0**127
    for value, other in zip(weights(model), before):
        np.testing.assert_array_equal(value, other)
    assert scale.value.numpy() == 2.0**126
    scale.value.assign(8.0)
    seen = [step(((batch(0, 1),),)).loss_scale for _ in range(5)]
    assert seen == [8.0, 8.0, 16.0, 16.0, 32.0]  # doubled after two good updates


def test_the_scale_ends_at_one() -> None:
    scale = LossScale(1.5)
    for _ in range(3):
        scale.update(tf.constant(False))
    assert scale.value.numpy() == 1.0


def test_some_steps_are_traced(tmp_path: Path) -> None:
    make_loop(tmp_path, observers=[Profiler(tmp_path / "tensorboard", 3, 5)], max_steps=8).run()
    traces = list((tmp_path / "tensorboard").rglob("*.xplane.pb"))
    assert len(traces) == 1
    assert traces[0].stat().st_size > 0


def test_a_trace_that_reaches_beyond_the_end_is_written(tmp_path: Path) -> None:
    make_loop(tmp_path, observers=[Profiler(tmp_path / "tensorboard", 7, 50)], max_steps=8).run()
    assert len(list((tmp_path / "tensorboard").rglob("*.xplane.pb"))) == 1
