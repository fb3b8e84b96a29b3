"""Penalties and limits against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.search import average_length_penalty, gnmt_length_penalty, relative_length
from seq2seq.search.penalties import coverage_penalty
from tests.closeness import assert_close

LENGTH = np.array([1.0, 2.0, 7.0, 40.0], np.float32)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 2.0])
def test_length_penalties(alpha: float) -> None:
    assert_close(average_length_penalty(tf.constant(LENGTH), alpha), LENGTH**alpha)
    assert_close(gnmt_length_penalty(tf.constant(LENGTH), alpha), ((5 + LENGTH) / 6) ** alpha)


def test_coverage_penalty_counts_real_positions_up_to_one() -> None:
    coverage = np.array([[0.5, 2.0, 0.0], [0.25, 1.0, 0.5]], np.float32)
    mask = np.array([[True, True, False], [True, True, True]])
    expected = 0.3 * np.array([np.log(0.5), np.log(0.25) + np.log(0.5)])
    assert_close(coverage_penalty(coverage, mask, 0.3), expected)


def test_coverage_penalty_of_a_position_never_looked_at_is_large_and_finite() -> None:
    penalty = coverage_penalty(tf.zeros([1, 1]), tf.constant([[True]]), 1.0).numpy()
    assert np.isfinite(penalty).all()
    assert penalty[0] < -40


def test_relative_length_rounds_down() -> None:
    np.testing.assert_array_equal(relative_length(tf.constant([1, 3, 10]), 1.5, 10), [11, 14, 25])
    np.testing.assert_array_equal(relative_length(tf.constant([1, 3, 10]), 0.0), [0, 0, 0])
