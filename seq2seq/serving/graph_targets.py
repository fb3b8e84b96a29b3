"""In a graph, what a decoder reads and what it is to write."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.text import Tokenizer


def graph_targets(ids: tf.Tensor, length: tf.Tensor, tokenizer: Tokenizer) -> tuple[tf.Tensor, tf.Tensor]:
    """``<s> y`` and ``y </s>``, ``[B, T + 1]`` int32 each.

    Args:
      ids: ``[B, T]`` int32, without start and end. length: ``[B]`` int32, which may be 0.
      tokenizer: asked for its pad, start and end.
    """
    steps = tf.shape(ids)[1] + 1
    end = tf.one_hot(length, steps, on_value=tokenizer.end_id, off_value=0, dtype=tf.int32)
    real = tf.sequence_mask(length, steps)
    outputs = tf.where(real, tf.pad(ids, [[0, 0], [0, 1]]), tf.where(end > 0, end, tokenizer.pad_id))
    inputs = tf.concat([tf.fill([tf.shape(ids)[0], 1], tokenizer.start_id), outputs[:, :-1]], axis=1)
    return inputs, outputs
