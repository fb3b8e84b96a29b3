"""Against NumPy, in float64, from the published algorithms."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.training.optim.optimizers import (
    SGD,
    Adam,
    AdamW,
    Optimizer,
    clip_by_global_norm,
    dense_gradients,
)
from seq2seq.training.optim.schedules import Constant
from tests.closeness import assert_all_close

RATE = 0.1


@pytest.fixture
def start() -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.normal(size=(4, 3)), draw.normal(size=3)]


@pytest.fixture
def gradients() -> list[list[np.ndarray]]:
    draw = np.random.default_rng(1)
    return [[draw.normal(size=(4, 3)), draw.normal(size=3)] for _ in range(5)]


def run(optimizer: Optimizer, start: list[np.ndarray], gradients: list[list[np.ndarray]]) -> list[np.ndarray]:
    variables = [tf.Variable(value, dtype=tf.float32) for value in start]
    optimizer.build(variables)
    apply = tf.function(lambda *values: optimizer.apply(values, variables))
    for step in gradients:
        apply(*(tf.constant(value, tf.float32) for value in step))
    assert optimizer.step.numpy() == len(gradients)
    return [variable.numpy() for variable in variables]


def adam(start: list[np.ndarray], gradients: list[list[np.ndarray]], decay: float = 0.0) -> list[np.ndarray]:
    results = []
    for index, value in enumerate(start):
        mean = variance = np.zeros_like(value)
        for step, gradient in enumerate((step[index] for step in gradients), start=1):
            mean = 0.9 * mean + 0.1 * gradient
            variance = 0.98 * variance + 0.02 * gradient**2
            rate = RATE * np.sqrt(1 - 0.98**step) / (1 - 0.9**step)
            if value.ndim > 1:
                value = value - RATE * decay * value
            value = value - rate * mean / (np.sqrt(variance) + 1e-6)
        results.append(value)
    return results


def test_adam(start, gradients) -> None:
    optimizer = Adam(Constant(RATE), beta_2=0.98, epsilon=1e-6)
    assert_all_close(run(optimizer, start, gradients), adam(start, gradients))


def test_adamw_decays_kernels_and_not_biases(start, gradients) -> None:
    optimizer = AdamW(Constant(RATE), beta_2=0.98, epsilon=1e-6, weight_decay=0.3)
    assert_all_close(run(optimizer, start, gradients), adam(start, gradients, decay=0.3))


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.7, False), (0.7, True)])
def test_sgd(start, gradients, momentum: float, nesterov: bool) -> None:
    expected = []
    for index, value in enumerate(start):
        velocity = np.zeros_like(value)
        for step in gradients:
            velocity = momentum * velocity - RATE * step[index]
            value = value + (momentum * velocity - RATE * step[index] if nesterov else velocity)
        expected.append(value)
    assert_all_close(
        run(SGD(Constant(RATE), momentum=momentum, nesterov=nesterov), start, gradients), expected
    )


def test_the_rate_follows_schedule_and_scale(start, gradients) -> None:
    optimizer = SGD(Constant(RATE, warmup_steps=2))
    optimizer.scale.assign(0.5)
    expected = [value - 0.5 * RATE * (0.5 * one + two) for value, one, two in zip(start, *gradients[:2])]
    assert_all_close(run(optimizer, start, gradients[:2]), expected)


def test_gradients_become_dense_and_float32() -> None:
    table = tf.Variable(tf.ones([3, 2]))
    bias = tf.Variable(tf.ones([2]))
    rows = tf.IndexedSlices(
        tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), tf.constant([2, 0, 2]), tf.constant([3, 2])
    )
    dense = dense_gradients([rows, tf.constant([1.0, 2.0], tf.bfloat16)], [table, bias])
    np.testing.assert_array_equal(dense[0], [[3, 4], [0, 0], [6, 8]])
    np.testing.assert_array_equal(dense[1], [1, 2])
    assert [gradient.dtype for gradient in dense] == [tf.float32, tf.float32]


def test_l2_is_the_gradient_of_the_squared_kernels() -> None:
    kernel, bias = tf.Variable([[1.0, -2.0]]), tf.Variable([5.0, 6.0])
    with tf.GradientTape() as tape:
        penalty = 0.3 * tf.reduce_sum(kernel**2)
    expected = tape.gradient(penalty, kernel)
    dense = dense_gradients([tf.zeros([1, 2]), tf.zeros([2])], [kernel, bias], l2=0.3)
    assert_all_close(dense[0], expected)
    np.testing.assert_array_equal(dense[1], [0, 0])


@pytest.mark.parametrize("clip_norm", [None, 1.0, 5.0, 100.0])
def test_clipping_by_global_norm(clip_norm: float | None) -> None:
    gradients = [np.array([[3.0, 0.0]]), np.array([4.0, 12.0])]
    clipped, norm = clip_by_global_norm([tf.constant(value, tf.float32) for value in gradients], clip_norm)
    assert norm.numpy() == pytest.approx(13.0)
    factor = min(1.0, (clip_norm or 100.0) / 13.0)
    assert_all_close(clipped, [factor * gradient for gradient in gradients])


def test_the_norm_of_a_broken_gradient_is_not_finite() -> None:
    for value in (float("nan"), float("inf")):
        _, norm = clip_by_global_norm([tf.constant([1.0, value]), tf.constant([1.0])], 1.0)
        assert not np.isfinite(norm)


def test_other_variables_than_those_of_build_are_refused(start) -> None:
    optimizer = SGD(Constant(RATE))
    optimizer.build([tf.Variable(start[0])])
    with pytest.raises(ValueError, match="built for 1 variables, got 2"):
        optimizer.apply([], [tf.Variable(0.0), tf.Variable(0.0)])
