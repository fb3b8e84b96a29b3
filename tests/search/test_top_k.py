"""The grouped top-k against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.search.top_k import fast_top_k


@pytest.mark.parametrize(("columns", "k"), [(9712, 13), (10_000, 5), (1009, 3), (40, 13), (5, 5), (640, 10)])
def test_equals_a_sort(columns: int, k: int) -> None:
    values = np.random.default_rng(columns).normal(size=(7, columns)).astype(np.float32)
    best, positions = fast_top_k(tf.constant(values), k)
    expected = np.argsort(-values, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(positions, expected)
    np.testing.assert_array_equal(best, np.take_along_axis(values, expected, axis=1))


def test_ties_give_distinct_columns_that_hold_the_value() -> None:
    values = np.random.default_rng(0).integers(0, 3, size=(20, 1600)).astype(np.float32)
    best, positions = (result.numpy() for result in fast_top_k(tf.constant(values), 9))
    np.testing.assert_array_equal(best, -np.sort(-values, axis=1)[:, :9])
    np.testing.assert_array_equal(np.take_along_axis(values, positions, axis=1), best)
    assert all(len(set(row)) == 9 for row in positions.tolist())
