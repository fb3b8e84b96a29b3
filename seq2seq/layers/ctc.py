"""Connectionist temporal classification: the loss of texts whose place in time is not known."""

from __future__ import annotations

from typing import Callable, NamedTuple

import tensorflow as tf

from seq2seq.layers.log_zero import LOG_ZERO


class CTCStates(NamedTuple):
    """A text as CTC walks through it: blank, label, blank, … label, blank; S = 2U + 1 states."""

    labels: tf.Tensor
    """[B, S] int32: what is emitted in each state; blank past the number of states."""
    number: tf.Tensor
    """[B] int32: ``2 · target_length + 1``."""
    skip: tf.Tensor
    """[B, S] bool: whether a state may follow the one before last (a label, other than the label before)."""

    @property
    def mask(self) -> tf.Tensor:
        """[B, S] bool: the states there are."""
        return tf.sequence_mask(self.number, tf.shape(self.labels)[1])


def ctc_states(targets: tf.Tensor, target_length: tf.Tensor, blank_id: int) -> CTCStates:
    """``targets`` [B, U] int32 and their lengths [B] int32 as states."""
    real = tf.sequence_mask(target_length, tf.shape(targets)[1])
    targets = tf.where(real, targets, blank_id)
    differs = targets[:, 1:] != targets[:, :-1]
    skip = tf.pad(differs, [[0, 0], [1, 0]])[:, : tf.shape(targets)[1]] & real
    return CTCStates(_after_blanks(targets, blank_id), 2 * target_length + 1, _after_blanks(skip, False))


def _after_blanks(values: tf.Tensor, blank: int | bool) -> tf.Tensor:
    """[B, U] → [B, 2U + 1] with ``blank`` around every value."""
    pairs = tf.stack([tf.fill(tf.shape(values), tf.constant(blank, values.dtype)), values], axis=2)
    flat = tf.reshape(pairs, [tf.shape(values)[0], 2 * tf.shape(values)[1]])
    return tf.pad(flat, [[0, 0], [0, 1]], constant_values=tf.constant(blank, values.dtype))


def ctc_possible(length: tf.Tensor, targets: tf.Tensor, target_length: tf.Tensor) -> tf.Tensor:
    """[B] bool: whether there are frames enough: one, one per label, and a blank between equal neighbours.

    Args:
      length: [B] int32 frames.
      targets: [B, U] int32.
      target_length: [B] int32.
    """
    inside = tf.sequence_mask(target_length, tf.shape(targets)[1])[:, 1:]
    repeats = tf.math.count_nonzero((targets[:, 1:] == targets[:, :-1]) & inside, axis=1, dtype=tf.int32)
    return (length >= 1) & (length >= target_length + repeats)


def ctc_losses(
    logits: tf.Tensor, length: tf.Tensor, targets: tf.Tensor, target_length: tf.Tensor, blank_id: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """``-log p(target | logits)`` summed over all alignments (Graves et al. 2006, equations 3 to 8 and 16).

    The loops over time forward and backward run as one, the second over reversed time and text. All of it is in
    float64, where sums of hundreds of nats keep their digits and which no rewrite to bfloat16 touches. On a CPU it
    costs what ``tf.nn.ctc_loss`` costs with sparse labels (which refuses empty ones and short inputs, and does
    not compile), a fifth of what it costs with dense ones. Shapes may be static, as XLA needs them, or not.

    Args:
      logits: [B, T, V], not normalised; what is past ``length`` is not read.
      length: [B] int32 frames, from 0 to T.
      targets: [B, U] int32 without blanks; what is past ``target_length`` is not read.
      target_length: [B] int32 from 0 to U; an empty target is all blanks.
      blank_id: the label of no label.

    Returns:
      losses [B] float32 in nats, and which of them are possible [B] bool (see :func:`ctc_possible`): the loss of
      one that is not is 0 and has no gradient.
    """
    possible = ctc_possible(length, targets, target_length)
    read = tf.sequence_mask(tf.where(possible, length, 0), tf.shape(logits)[1])[:, :, tf.newaxis]
    states = ctc_states(targets, target_length, blank_id)

    @tf.custom_gradient
    def run(logits: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        scores = tf.nn.log_softmax(tf.where(read, tf.cast(logits, tf.float64), 0.0))  # [B, T, V]
        emitted = tf.gather(scores, states.labels, axis=2, batch_dims=1)  # [B, T, S]
        before, after = _forward_backward(emitted, length, states)
        log_prob = tf.where(possible, tf.reduce_logsumexp(after[:, 0, :2], axis=-1), 0.0)

        def gradient(scale: tf.Tensor) -> tf.Tensor:
            # Both sums hold what their frame emits, so it is taken out once; minimum guards what is not read.
            through = before[:, 1:] + after[:, :-1] - emitted - log_prob[:, tf.newaxis, tf.newaxis]
            occupied = _per_label(tf.exp(tf.minimum(through, 0.0)), states.labels, tf.shape(logits)[2])
            by_logits = tf.where(read, tf.exp(scores) - occupied, 0.0)
            return tf.cast(tf.cast(scale, tf.float64)[:, tf.newaxis, tf.newaxis] * by_logits, logits.dtype)

        return tf.cast(-log_prob, tf.float32), gradient

    return run(logits), possible


def _forward_backward(
    emitted: tf.Tensor, length: tf.Tensor, states: CTCStates
) -> tuple[tf.Tensor, tf.Tensor]:
    """Log-probabilities of all ways to a state and from it on, [B, T + 1, S] each.

    ``forward[:, t + 1]`` has gone through frame t, ``backward[:, t]`` has frames t to ``length - 1`` still to go
    (and means nothing for a later t). In states that a text does not have, ``backward`` is LOG_ZERO.
    """
    batch_size, frames, width = tf.unstack(tf.shape(emitted))

    def reverse_states(values: tf.Tensor, axis: int) -> tf.Tensor:
        return tf.reverse_sequence(values, states.number, seq_axis=axis, batch_axis=0)

    reversed_emitted = tf.reverse_sequence(reverse_states(emitted, 2), length, seq_axis=1, batch_axis=0)
    inputs = tf.concat([emitted, reversed_emitted], axis=0)
    inputs = tf.transpose(inputs, [1, 0, 2])  # [T, 2B, S]
    from_two_on = tf.pad(states.skip[:, 2:], [[0, 0], [0, 2]])[:, :width]
    skip = tf.concat([states.skip, reverse_states(from_two_on, 1)], axis=0)  # [2B, S]
    skip_cost = tf.where(skip, tf.constant(0.0, tf.float64), LOG_ZERO)
    # Before the first frame in the first blank: from there one gets to it and to the first label.
    first = tf.one_hot(tf.zeros([2 * batch_size], tf.int32), width, 0.0, LOG_ZERO, dtype=tf.float64)

    def advance(
        time: tf.Tensor, scores: tf.Tensor, history: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        padded = tf.pad(scores, [[0, 0], [2, 0]], constant_values=LOG_ZERO)
        step, jump = padded[:, 1:-1], padded[:, :-2] + skip_cost
        best = tf.maximum(tf.maximum(scores, step), jump)
        total = tf.exp(scores - best) + tf.exp(step - best) + tf.exp(jump - best)
        scores = best + tf.math.log(total) + inputs[time]
        return time + 1, scores, history.write(time + 1, scores)

    history = tf.TensorArray(tf.float64, frames + 1, element_shape=first.shape).write(0, first)
    *_, history = tf.while_loop(
        lambda time, *_: time < frames, advance, (tf.constant(0), first, history), maximum_iterations=frames
    )
    both = tf.transpose(history.stack(), [1, 0, 2])  # [2B, T + 1, S]
    forward = both[:batch_size]
    backward = tf.reverse_sequence(both[batch_size:], length + 1, seq_axis=1, batch_axis=0)
    backward = tf.where(states.mask[:, tf.newaxis, :], reverse_states(backward, 2), LOG_ZERO)
    return forward, backward


def _per_label(values: tf.Tensor, labels: tf.Tensor, vocabulary_size: tf.Tensor) -> tf.Tensor:
    """Sums [B, T, S] over the states that emit the same label: [B, T, V]."""
    batch_size, frames, width = tf.unstack(tf.shape(values))
    rows = tf.reshape(tf.transpose(values, [0, 2, 1]), [batch_size * width, frames])
    places = labels + vocabulary_size * tf.range(batch_size)[:, tf.newaxis]
    sums = tf.math.unsorted_segment_sum(rows, tf.reshape(places, [-1]), batch_size * vocabulary_size)
    return tf.transpose(tf.reshape(sums, [batch_size, vocabulary_size, frames]), [0, 2, 1])
