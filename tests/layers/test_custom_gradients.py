"""Graphs that nobody trains."""

from __future__ import annotations

from typing import Callable

import numpy as np
import tensorflow as tf

from seq2seq.layers.custom_gradients import custom_gradient, forward_only
from seq2seq.layers.recurrence import lstm_over_time
from seq2seq.state import LSTMState

T, B, UNITS = 5, 2, 3


def lstm() -> LSTMState:
    projected, kernel, h, c = (
        tf.random.stateless_normal(shape, (1, number))
        for number, shape in enumerate([[T, B, 4 * UNITS], [UNITS, 4 * UNITS], [B, UNITS], [B, UNITS]])
    )
    return lstm_over_time(projected, kernel, LSTMState(h=h, c=c))


def ops(graph: tf.types.experimental.ConcreteFunction) -> list[str]:
    definition = graph.graph.as_graph_def()
    inside = [node.op for function in definition.library.function for node in function.node_def]
    return [node.op for node in definition.node] + inside


def test_they_give_the_same_and_keep_nothing() -> None:
    trained = tf.function(lstm).get_concrete_function()
    with forward_only():
        served = tf.function(lstm).get_concrete_function()
    for ours, theirs in zip(served(), trained()):
        np.testing.assert_array_equal(ours, theirs)
    assert ops(trained).count("TensorListSetItem") == 6
    assert ops(served).count("TensorListSetItem") == 2
    assert "IdentityN" in ops(trained)
    assert "IdentityN" not in ops(served)


def test_others_have_the_gradient_that_is_given() -> None:
    @custom_gradient
    def square(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return x * x, lambda dy: 7.0 * dy

    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = square(x)
    assert (float(y), float(tape.gradient(y, x))) == (9.0, 7.0)
