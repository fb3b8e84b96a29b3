"""Which part of a state is which, in everybody's order."""

import numpy as np
import tensorflow as tf

from seq2seq.state import LSTMState, concatenate, from_keras, from_tf1, to_keras, to_tf1, zero_state

H, C = tf.constant([[1.0, 2.0]]), tf.constant([[-1.0, -2.0]])
STATE = LSTMState(h=H, c=C)


def test_orders() -> None:
    cell = tf.compat.v1.nn.rnn_cell.LSTMStateTuple(c=C, h=H)
    assert from_tf1(cell) == STATE
    assert tf.compat.v1.nn.rnn_cell.LSTMStateTuple(*to_tf1(STATE)) == cell
    assert from_keras(to_keras(STATE)) == STATE
    assert to_keras(STATE)[0] is H


def test_keras_layer_agrees_on_the_order() -> None:
    layer = tf.keras.layers.LSTM(2, return_state=True)
    outputs, *states = layer(tf.ones([1, 3, 2]))
    np.testing.assert_array_equal(from_keras(states).h, outputs)


def test_is_a_nest() -> None:
    doubled = tf.nest.map_structure(lambda x: 2 * x, STATE)
    assert isinstance(doubled, LSTMState)
    np.testing.assert_array_equal(doubled.h, 2 * H)
    assert [x is y for x, y in zip(tf.nest.flatten(STATE), (H, C))] == [True, True]


def test_zero_and_concatenation() -> None:
    for part in zero_state(3, 2):
        np.testing.assert_array_equal(part, np.zeros([3, 2]))
    both = concatenate(STATE, LSTMState(h=3 * H, c=3 * C))
    np.testing.assert_array_equal(both.h, [[1.0, 2.0, 3.0, 6.0]])
    np.testing.assert_array_equal(both.c, [[-1.0, -2.0, -3.0, -6.0]])
