from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.metrics.metric import MetricOrder, Validation
from seq2seq.training.optim.schedules import Constant, Cosine, InverseSquareRoot, Plateau
from tests.closeness import assert_close

STEPS = np.arange(1, 121)


def rates(schedule: object) -> np.ndarray:
    """The learning rates of STEPS, from one graph."""
    function = tf.function(schedule, input_signature=[tf.TensorSpec([], tf.int64)])
    rates = np.array([function(tf.constant(step, tf.int64)).numpy() for step in STEPS])
    assert rates.dtype == np.float32
    return rates


def test_constant() -> None:
    assert_close(rates(Constant(0.3)), np.full(120, 0.3))


def test_constant_with_warm_up() -> None:
    expected = 0.3 * np.minimum(STEPS / 10, 1)
    assert_close(rates(Constant(0.3, warmup_steps=10)), expected)


@pytest.mark.parametrize("warmup_steps", [0, 1, 25])
def test_inverse_square_root(warmup_steps: int) -> None:
    warmup = max(warmup_steps, 1)
    expected = 0.2 * np.minimum(STEPS / warmup, np.sqrt(warmup / STEPS))
    assert_close(rates(InverseSquareRoot(0.2, warmup_steps)), expected)


def test_cosine() -> None:
    done = np.clip((STEPS - 20) / 80, 0, 1)
    expected = np.minimum(STEPS / 20, 1) * (0.01 + 0.19 * (1 + np.cos(np.pi * done)) / 2)
    actual = rates(Cosine(0.2, total_steps=100, warmup_steps=20, minimum=0.01))
    assert_close(actual, expected)
    assert actual[19] == pytest.approx(0.2)
    assert_close(actual[99:], 0.01)


def test_cosine_refuses_a_warm_up_longer_than_itself() -> None:
    with pytest.raises(ValueError, match="must exceed warmup_steps"):
        Cosine(0.1, total_steps=10, warmup_steps=10)


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_plateau(higher_is_better: bool) -> None:
    order = MetricOrder.of("bleu" if higher_is_better else "loss")
    plateau = Plateau(factor=0.5, patience=2, order=order, min_delta=0.5, minimum_scale=0.2)
    gains = [1.0, 2.0, 2.5, 2.4, 2.6, 2.6, 2.6, 2.6, 2.6, 2.6]  # better than 2.0 only from above 2.5 on
    values = gains if higher_is_better else [-gain for gain in gains]
    scales, reduced = [], []
    for value in values:
        reduced.append(plateau.update(Validation({order.first.name: value})))
        scales.append(plateau.scale)
    assert scales == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2]
    assert reduced == [False, False, False, True, False, False, True, False, True, False]


def test_plateau_counts_nan_as_no_better() -> None:
    plateau = Plateau(factor=0.1, patience=1, order=MetricOrder.of("bleu"))
    assert plateau.update(Validation({"bleu": float("nan")}))
    assert not plateau.update(Validation({"bleu": -5.0}))


def test_plateau_restores_its_state() -> None:
    first = Plateau(factor=0.5, patience=2, order=MetricOrder.of("loss"))
    for value in [3.0, 4.0, 4.0, 4.0]:
        first.update(Validation({"loss": value}))
    second = Plateau(factor=0.5, patience=2, order=MetricOrder.of("loss"))
    second.restore(first.state())
    assert second.scale == 0.5
    assert second.update(Validation({"loss": 3.5}))
    assert second.scale == 0.25
