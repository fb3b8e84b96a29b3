"""One vector of a sequence: its last state, or what its outputs have in common."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.layers.time_reduction import length_mask

POOLINGS = ("last", "mean", "max")


def pool(outputs: tf.Tensor, length: tf.Tensor, final: tf.Tensor, kind: str) -> tf.Tensor:
    """
    Args:
      outputs: ``[B, T, D]``.
      length: ``[B]`` int32, at least 1; what stands past it has no part.
      final: ``[B, F]``, the final state.
      kind: ``last`` takes that, ``mean`` and ``max`` the outputs of real steps, unit by unit.

    Returns:
      ``[B, F]`` or ``[B, D]`` float32.
    """
    if kind == "last":
        return tf.cast(final, tf.float32)
    outputs = tf.cast(outputs, tf.float32)
    real = length_mask(outputs, length)  # [B, T, 1]
    if kind == "mean":
        return tf.reduce_sum(outputs * real, axis=1) / tf.cast(length, tf.float32)[:, tf.newaxis]
    if kind == "max":
        return tf.reduce_max(tf.where(real > 0.0, outputs, tf.float32.min), axis=1)
    raise ValueError(f"pooling {kind!r} is not one of {', '.join(POOLINGS)}")
