"""Fewer steps of time: how a sequence gets shorter inside an encoder, and what its length is then."""

from __future__ import annotations

import tensorflow as tf

REDUCTIONS = ("concat", "skip")


def reduced_length(length: tf.Tensor, factor: int) -> tf.Tensor:
    """``ceil(length / factor)``: a step that is real in part counts. Reducing by a, then by b, is reducing by ab."""
    return (length + factor - 1) // factor


def length_mask(sequence: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """1 on real steps and 0 past the length ``[B]``, shaped to be multiplied with ``sequence`` ``[B, T, ...]``."""
    mask = tf.sequence_mask(length, tf.shape(sequence)[1], sequence.dtype)
    return tf.reshape(mask, [*tf.unstack(tf.shape(mask)), *[1] * (sequence.shape.rank - 2)])


def reduce_time(
    sequence: tf.Tensor, length: tf.Tensor, factor: int, kind: str = "concat"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Makes one step of every ``factor`` steps.

    Args:
      sequence: ``[B, T, D]``, zero past the length.
      length: ``[B]`` integers from 0 to T.
      factor: 1 changes nothing.
      kind: ``concat``: the steps side by side, zeros for those that are missing at the end (Chan et al. 2016, eq. 5);
        ``skip``: the first of them alone.

    Returns:
      ``[B, ceil(T / factor), D * factor]`` (concat) or ``[…, D]`` (skip), zero past the length, and the new length.
    """
    if kind not in REDUCTIONS:
        raise ValueError(f"reduction {kind!r} is not one of {', '.join(REDUCTIONS)}")
    if factor == 1:
        return sequence, length
    if kind == "skip":
        return sequence[:, ::factor], reduced_length(length, factor)
    shape = tf.shape(sequence)
    time = reduced_length(shape[1], factor)
    padded = tf.pad(sequence, [[0, 0], [0, time * factor - shape[1]], [0, 0]])
    joined = tf.reshape(padded, [shape[0], time, factor * sequence.shape[-1]])
    return joined, reduced_length(length, factor)
