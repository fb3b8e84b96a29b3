"""The masking policies: what happens to padding."""

from __future__ import annotations

import enum

import tensorflow as tf


class MaskingPolicy(str, enum.Enum):
    """How the layers treat what lies past a sequence's length.

    ``strict``: as ``tf.compat.v1.nn.dynamic_rnn`` with lengths: outputs are zero past each length, the final state is
    the state at the last real step, and attention sees real positions only.
    ``none``: padding is data, except in the loss.
    """

    STRICT = "strict"
    NONE = "none"

    def visible_length(self, length: tf.Tensor, time: tf.Tensor | int) -> tf.Tensor:
        """The length that the layers get to see.

        Args:
          length: ``[B]`` int32, the real lengths.
          time: the number of steps of the padded tensor.

        Returns:
          ``[B]`` int32: ``length`` under ``strict``; ``time`` for every row under ``none``.
        """
        if self is MaskingPolicy.STRICT:
            return length
        return tf.fill(tf.shape(length), time)
