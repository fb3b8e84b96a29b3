from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.training.optim.moving_average import MovingAverage
from tests.closeness import assert_close


def test_equals_the_recursion() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(40, 3, 2))
    variable = tf.Variable(values[0], dtype=tf.float32)
    average = MovingAverage(0.7)
    average.build([variable])
    update = tf.function(lambda step: average.update([variable], step))
    expected = values[0]
    for step, value in enumerate(values[1:], start=1):
        variable.assign(value)
        update(tf.constant(step, tf.int64))
        decay = min(0.7, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert_close(average.averages[0], expected)


def test_swaps_in_and_back_even_after_an_error() -> None:
    variable = tf.Variable([1.0, 2.0])
    average = MovingAverage(0.5)
    average.build([variable])
    variable.assign([5.0, 6.0])
    with average.swapped_in([variable]):
        np.testing.assert_array_equal(variable, [1, 2])
    np.testing.assert_array_equal(variable, [5, 6])
    with pytest.raises(KeyboardInterrupt), average.swapped_in([variable]):
        raise KeyboardInterrupt
    np.testing.assert_array_equal(variable, [5, 6])
    np.testing.assert_array_equal(average.averages[0], [1, 2])
