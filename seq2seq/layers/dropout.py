"""Dropout that a resumed run repeats exactly: its draws are those of `seq2seq.randomness`."""

from __future__ import annotations

import tensorflow as tf

from seq2seq import randomness
from seq2seq.keras2 import keras


class Dropout(keras.layers.Layer):
    """Inverted dropout of ``[B, T, D]``.

    Args:
      rate: the share of units that are set to zero, in [0, 1).
      variational: one mask per sequence, the same at every step (Gal & Ghahramani 2016), instead of one per step.
      whole: draw one number for all units of a step, so that whole vectors are dropped (a word and its embedding).
    """

    def __init__(
        self, rate: float, *, variational: bool = False, whole: bool = False, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self.rate = rate
        self.variational = variational
        self.whole = whole

    def mask(self, batch_size: tf.Tensor, time: tf.Tensor | int, units: int) -> tf.Tensor:
        """What to multiply with in training: 0 or ``1 / (1 - rate)``.

        Returns:
          ``[B, T, D]`` float32, with 1 in place of T where variational and in place of D where whole.
        """
        shape = [batch_size, 1 if self.variational else time, 1 if self.whole else units]
        kept = randomness.uniform(shape) >= self.rate
        return tf.cast(kept, tf.float32) * (1.0 / (1.0 - self.rate))

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Args: inputs ``[B, T, D]``. Returns the same shape; the inputs themselves outside training."""
        if not training or self.rate == 0.0:
            return inputs
        shape = tf.shape(inputs)
        mask = self.mask(shape[0], shape[1], inputs.shape[-1])
        return inputs * tf.cast(mask, inputs.dtype)

    def time_major_mask(
        self, batch_size: tf.Tensor, time: tf.Tensor | int, units: int, training: bool
    ) -> tf.Tensor | None:
        """The mask for a loop over time: ``[T or 1, B, D]``, or None where nothing is dropped."""
        if not training or self.rate == 0.0:
            return None
        return tf.transpose(self.mask(batch_size, time, units), [1, 0, 2])
