"""Weights that were taken wait or move more slowly, as the formulas say; the others move as if there were none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.training.optim.optimizers import SGD, Adam, AdamW, Optimizer
from seq2seq.training.optim.schedules import Constant
from seq2seq.training.optim.taken import Taken

STEPS, WAITED, RATE = 6, 3, 0.25
DRAW = np.random.default_rng(0)
START = DRAW.normal(size=(4, 3)).astype(np.float32)
GRADIENTS = DRAW.normal(size=(STEPS, 4, 3)).astype(np.float32)
MASK = np.zeros((4, 3), bool)
MASK[:2] = True  # two rows, as of a vocabulary of which half is known


def optimizers() -> list[Optimizer]:
    rate = Constant(0.1)
    return [
        Adam(rate),
        AdamW(rate, weight_decay=0.3),
        SGD(rate),
        SGD(rate, momentum=0.9),
        SGD(rate, momentum=0.9, nesterov=True),
    ]


def path(
    optimizer: Optimizer, gradients: Sequence[np.ndarray], taken: Taken | None = None
) -> list[np.ndarray]:
    """The values of a variable after each update."""
    variable = tf.Variable(START)
    optimizer.taken = taken
    optimizer.build([variable])
    if taken is not None:
        taken.mark([MASK])

    @tf.function
    def update(gradient: tf.Tensor) -> None:
        optimizer.apply(optimizer.trained([gradient]), [variable])

    values = []
    for gradient in gradients:
        update(tf.constant(gradient))
        values.append(variable.numpy())
    return values


CASES = pytest.mark.parametrize(
    "n", range(len(optimizers())), ids=lambda n: f"{type(optimizers()[n]).__name__}-{n}"
)


@CASES
def test_frozen_weights_wait_and_then_move_as_by_a_new_optimizer(n: int) -> None:
    values = path(optimizers()[n], GRADIENTS, Taken(freeze_steps=WAITED))
    free = path(optimizers()[n], GRADIENTS)
    late = path(optimizers()[n], GRADIENTS[WAITED:])
    for step, value in enumerate(values):
        np.testing.assert_array_equal(value[~MASK], free[step][~MASK])
        if step < WAITED:
            np.testing.assert_array_equal(value[MASK], START[MASK])
        else:
            np.testing.assert_allclose(value[MASK], late[step - WAITED][MASK], rtol=2e-5, atol=2e-6)
            assert (value[MASK] != START[MASK]).all()


@CASES
def test_the_rate_is_that_of_a_lower_learning_rate(n: int) -> None:
    values = path(optimizers()[n], GRADIENTS, Taken(rate=RATE))
    lower = optimizers()[n]
    lower.schedule = Constant(0.1 * RATE)
    slow, free = path(lower, GRADIENTS), path(optimizers()[n], GRADIENTS)
    for value, expected, other in zip(values, slow, free):
        np.testing.assert_allclose(value[MASK], expected[MASK], rtol=2e-5, atol=2e-6)
        np.testing.assert_array_equal(value[~MASK], other[~MASK])


def test_a_rate_of_nothing_moves_nothing() -> None:
    values = path(AdamW(Constant(0.1), weight_decay=0.3), GRADIENTS, Taken(rate=0.0))
    assert all(np.array_equal(value[MASK], START[MASK]) for value in values)
    assert (values[-1][~MASK] != START[~MASK]).all()


def test_gradients_of_frozen_weights_count_for_nothing() -> None:
    optimizer = SGD(Constant(0.1))
    optimizer.taken = Taken(freeze_steps=1)
    optimizer.build([tf.Variable(START)])
    optimizer.taken.mark([MASK])
    gradient = GRADIENTS[0].copy()
    gradient[0, 0] = np.inf
    (found,) = optimizer.trained([tf.constant(gradient)])
    np.testing.assert_array_equal(found, np.where(MASK, 0.0, gradient))
    optimizer.step.assign(1)
    (found,) = optimizer.trained([tf.constant(gradient)])
    np.testing.assert_array_equal(found, gradient)
