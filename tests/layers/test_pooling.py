"""Pooling is what NumPy makes of the real steps alone."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.layers.pooling import pool
from tests.closeness import assert_close

LENGTH = [4, 1, 3]


@pytest.mark.parametrize(("kind", "of"), [("mean", np.mean), ("max", np.max)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_it_is_of_real_steps(kind: str, of: np.ufunc, sign: float) -> None:
    outputs = sign * (1.0 + np.random.default_rng(1).random((3, 5, 2), np.float32))
    outputs[np.arange(5) >= np.array(LENGTH)[:, np.newaxis]] = np.nan if kind == "max" else 7.0
    expected = [of(row[:length], axis=0) for row, length in zip(outputs, LENGTH)]
    pooled = pool(tf.constant(outputs), tf.constant(LENGTH), tf.zeros([3, 2]), kind)
    assert_close(pooled, np.array(expected))


def test_the_last_is_the_final_state() -> None:
    final = tf.constant([[1.0, 2.0]])
    np.testing.assert_array_equal(pool(tf.zeros([1, 2, 3]), tf.constant([2]), final, "last"), final)


def test_another_is_refused() -> None:
    with pytest.raises(ValueError, match="'first' is not one of last, mean, max"):
        pool(tf.zeros([1, 2, 3]), tf.constant([2]), tf.zeros([1, 3]), "first")
