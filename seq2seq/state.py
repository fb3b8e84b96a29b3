"""The state of an LSTM, and every conversion of it.

Keras keeps lists ``[h, c]``, TensorFlow 1 kept tuples ``(c, h)``; here the two parts are always named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class LSTMState(NamedTuple):
    """State of one LSTM layer: a TensorFlow nest whose parts are ``[B, units]``.

    Attributes:
      h: the output of the last step, what the recurrent kernel sees.
      c: the cell, what the forget gate scales.
    """

    h: tf.Tensor
    c: tf.Tensor


def zero_state(batch_size: tf.Tensor | int, units: int, dtype: tf.DType = tf.float32) -> LSTMState:
    """The state before the first step: zeros ``[B, units]``."""
    zeros = tf.zeros([batch_size, units], dtype)
    return LSTMState(h=zeros, c=zeros)


def from_keras(states: Sequence[tf.Tensor]) -> LSTMState:
    """Keras' ``[h, c]`` as an ``LSTMState``."""
    h, c = states
    return LSTMState(h=h, c=c)


def to_keras(state: LSTMState) -> list[tf.Tensor]:
    """``[h, c]``, the order of ``tf.keras.layers.LSTM``."""
    return [state.h, state.c]


def from_tf1(states: Sequence[tf.Tensor]) -> LSTMState:
    """TensorFlow 1's ``LSTMStateTuple(c, h)`` as an ``LSTMState``."""
    c, h = states
    return LSTMState(h=h, c=c)


def to_tf1(state: LSTMState) -> tuple[tf.Tensor, tf.Tensor]:
    """``(c, h)``, the order of TensorFlow 1's ``LSTMStateTuple``."""
    return state.c, state.h


def concatenate(forward: LSTMState, backward: LSTMState) -> LSTMState:
    """The state of a bidirectional layer as one: ``h`` beside ``h`` and ``c`` beside ``c``, ``[B, 2 * units]``."""
    return LSTMState(h=tf.concat([forward.h, backward.h], -1), c=tf.concat([forward.c, backward.c], -1))
