"""What tells, beside its metrics, how a speech model fails: the silence of CTC."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def silent_sums(logits: tf.Tensor, length: tf.Tensor, target_length: tf.Tensor, blank_id: int) -> tf.Tensor:
    """How many utterances have a text, and for how many of these the blank is CTC's likeliest label of every step.

    Args:
      logits: ``[B, S, V]``, CTC's.
      length: ``[B]`` int32, of the memory.
      target_length: ``[B]`` int32, with the end.

    Returns:
      ``[2]`` float32.
    """
    real = tf.sequence_mask(length, tf.shape(logits)[1])
    labels = real & (tf.argmax(logits, axis=2, output_type=tf.int32) != blank_id)  # [B, S]
    has_text = target_length > 1
    silent = has_text & ~tf.reduce_any(labels, axis=1)
    return tf.reduce_sum(tf.cast(tf.stack([has_text, silent]), tf.float32), axis=1)


def ctc_statistics(sums: np.ndarray) -> dict[str, float]:
    """The share of utterances for which CTC gives nothing but blanks; none where no utterance has a text."""
    return {"ctc_silent": float(sums[1] / sums[0])} if sums[0] else {}
