"""Where in time a given text is spoken: forced alignment by CTC."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from seq2seq.layers.ctc import CTCStates, ctc_possible, ctc_states
from seq2seq.layers.log_zero import LOG_ZERO, MIN_SCORE


class CTCAlignment(NamedTuple):
    """The frames ``start_frame <= t < end_frame`` in which the likeliest path of a text emits each of its tokens.

    CTC tends to emit a token in few frames, with blanks around it: a span says where a token is, less how long.
    """

    start_frame: tf.Tensor
    """[B, U] int32; 0 past the length and where there is no alignment."""
    end_frame: tf.Tensor
    """[B, U] int32; the same."""
    log_prob: tf.Tensor
    """[B] float32: of the path; the lowest float32 where there is none."""
    possible: tf.Tensor
    """[B] bool: see :func:`seq2seq.layers.ctc.ctc_possible`."""


def ctc_align(
    log_probs: tf.Tensor, length: tf.Tensor, ids: tf.Tensor, ids_length: tf.Tensor, blank_id: int
) -> CTCAlignment:
    """The likeliest of all paths that spell a text (Viterbi; Rabiner 1989, section III.B).

    Args:
      log_probs: [B, T, V] float32, normalised; what is past ``length`` is not read.
      length: [B] int32, from 0 to T.
      ids: [B, U] int32 without blanks; what is past ``ids_length`` is not read.
      ids_length: [B] int32, from 0 to U.
      blank_id: the label of no label.
    """
    states = ctc_states(ids, ids_length, blank_id)
    possible = ctc_possible(length, ids, ids_length)
    emitted = tf.gather(tf.cast(log_probs, tf.float64), states.labels, axis=2, batch_dims=1)  # [B, T, S]
    scores, pointers = _best_ways(emitted, length, states)
    last = states.number - 1
    ends = tf.stack([last, tf.maximum(last - 1, 0)], axis=1)  # in the last blank or in the last label
    end_scores = tf.gather(scores, ends, batch_dims=1)
    end = tf.gather(ends, tf.argmax(end_scores, axis=1), batch_dims=1)
    path = _trace(pointers, end)  # [B, T]

    # States only grow with time, so that a label begins after as many frames as are in lower states.
    real = tf.sequence_mask(length, tf.shape(path)[1])[:, tf.newaxis, :]
    label_states = (2 * tf.range(tf.shape(ids)[1]) + 1)[tf.newaxis, :, tf.newaxis]
    path = path[:, tf.newaxis, :]  # [B, 1, T]
    start, end = (
        tf.math.count_nonzero(real & frames, axis=2, dtype=tf.int32)
        for frames in (path < label_states, path <= label_states)
    )
    kept = tf.sequence_mask(ids_length, tf.shape(ids)[1]) & possible[:, tf.newaxis]
    log_prob = tf.cast(tf.reduce_max(end_scores, axis=1), tf.float32)
    return CTCAlignment(
        tf.where(kept, start, 0), tf.where(kept, end, 0), tf.where(possible, log_prob, MIN_SCORE), possible
    )


def _best_ways(emitted: tf.Tensor, length: tf.Tensor, states: CTCStates) -> tuple[tf.Tensor, tf.Tensor]:
    """The best log-probability of each state after the last frame [B, S], and how many states (0, 1 or 2) the best
    way to it came up in each frame, [T + 1, B, S] int32, frame t at ``t + 1``; past the length it stays."""
    batch_size, frames, width = tf.unstack(tf.shape(emitted))
    skip_cost = tf.where(states.skip, tf.constant(0.0, tf.float64), LOG_ZERO)
    # Before the first frame in the first blank: from there one gets to it and to the first label.
    first = tf.one_hot(tf.zeros([batch_size], tf.int32), width, 0.0, LOG_ZERO, dtype=tf.float64)

    def advance(
        time: tf.Tensor, scores: tf.Tensor, history: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        padded = tf.pad(scores, [[0, 0], [2, 0]], constant_values=LOG_ZERO)
        ways = tf.stack([scores, padded[:, 1:-1], padded[:, :-2] + skip_cost], axis=-1)  # [B, S, 3]
        real = (time < length)[:, tf.newaxis]
        came_up = tf.where(real, tf.argmax(ways, axis=-1, output_type=tf.int32), 0)
        scores = tf.where(real, tf.reduce_max(ways, axis=-1) + emitted[:, time], scores)
        return time + 1, scores, history.write(time + 1, came_up)

    history = tf.TensorArray(tf.int32, frames + 1, element_shape=first.shape)
    history = history.write(0, tf.zeros([batch_size, width], tf.int32))
    _, scores, history = tf.while_loop(
        lambda time, *_: time < frames, advance, (tf.constant(0), first, history), maximum_iterations=frames
    )
    return scores, history.stack()


def _trace(pointers: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """The state in each frame [B, T] of the path that ends in states ``end`` [B]; pointers as above."""
    frames = tf.shape(pointers)[0] - 1

    def step_back(
        time: tf.Tensor, state: tf.Tensor, history: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        before = state - tf.gather(pointers[time], state, batch_dims=1)
        return time - 1, before, history.write(time - 1, before)

    history = tf.TensorArray(tf.int32, frames + 1, element_shape=end.shape).write(frames, end)
    *_, history = tf.while_loop(
        lambda time, *_: time > 0, step_back, (frames, end, history), maximum_iterations=frames
    )
    return tf.transpose(history.stack()[1:])
