"""What CTC thinks of a text that is still being written: the prefix score of joint CTC/attention search."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from seq2seq.layers.log_zero import LOG_ZERO, MIN_PROBABILITY, MIN_SCORE
from seq2seq.search.types import Nest, SpecialIds


class CTCPrefixMemory(NamedTuple):
    """The frames of a sentence; past its length they are certain blanks, which change nothing."""

    blank: tf.Tensor
    """[N, T] float64: log-probability of the blank."""
    labels: tf.Tensor
    """[N, C, T] float64: probability of each label; of V of them, or of ``candidates`` and of the best other."""
    columns: Nest
    """[N, V] int32: which of the C belongs to a label; () where C = V."""


class CTCPrefixState(NamedTuple):
    """The ways to have read a prefix g, and nothing more, before frame t: log-probabilities, float64."""

    label: tf.Tensor
    """[N, T + 1]: of those that end in its last label, γⁿ(g) of Watanabe et al.; ``[:, 0]`` is before any frame."""
    blank: tf.Tensor
    """[N, T + 1]: of those that end in a blank, γᵇ(g)."""
    log_prob: tf.Tensor
    """[N]: of all texts that begin with g."""
    last: tf.Tensor
    """[N] int32: the last label; the start where there is none."""


class CTCPrefixScorer:
    """``weight · log p(g c … | frames) / p(g … | frames)`` for each next token c, and for the end g alone.

    A :class:`seq2seq.search.types.Scorer`. ``p(g …)`` is the probability that CTC gives to all texts that begin
    with g (Graves 2006, 2008, section 7.5.3; Watanabe et al. 2017, algorithm 2), so the scores of a whole
    hypothesis add up to ``weight · log p(text)``. Joint search, with ``λ log p_ctc + (1 - λ) log p_attention``,
    is this scorer with ``weight=λ`` in a search with ``model_weight=1 - λ``. Texts that begin with g c begin with
    g, so no score is positive. What CTC cannot spell (more labels than frames) is ruled out.

    Unlike the published algorithm, which walks through the frames once for each of the V continuations, this one
    does so for the token that was chosen only, in closed form: ``yₜ = (yₜ₋₁ + inₜ) pₜ`` sums up as
    ``log y = P + logcumsumexp(log in - P₋₁)``, where ``P = cumsum(log p)``. For the next tokens only the frame is
    summed out in which they are first read, one product of [C, T] and [T] per hypothesis.

    Args:
      log_probs: [B, T, V] float32, normalised; what is past ``length`` is not read.
      length: [B] int32, from 0 to T.
      blank_id: the label of no label, which the search must never choose (as it never chooses the pad).
      special_ids: of the search.
      weight: λ, above 0 and at most 1.
      candidates: 0: scores every label. Otherwise only as many of each sentence, those that are likeliest in some
        frame; the others share the largest probability that any of them has in each frame, which is more than
        they deserve. Memory is B · K · T times this in place of V.

    Raises:
      ValueError: values out of range.
    """

    def __init__(
        self,
        log_probs: tf.Tensor,
        length: tf.Tensor,
        *,
        blank_id: int,
        special_ids: SpecialIds,
        weight: float,
        candidates: int = 0,
    ) -> None:
        if not 0.0 < weight <= 1.0:
            raise ValueError(f"weight must be above 0 and at most 1, not {weight}")
        if candidates < 0:
            raise ValueError(f"candidates must not be negative, but is {candidates}")
        self.weight = weight
        self.special_ids = special_ids
        real = tf.sequence_mask(length, tf.shape(log_probs)[1])
        log_probs = tf.cast(log_probs, tf.float64)
        blank = tf.maximum(
            tf.where(real, log_probs[:, :, blank_id], 0.0), tf.math.log(_at_least(0.0))
        )  # [B, T]
        labels = tf.where(
            real[:, tf.newaxis, :], tf.exp(tf.transpose(log_probs, [0, 2, 1])), 0.0
        )  # [B, V, T]
        columns: Nest = ()
        if 0 < candidates < labels.shape[1] - 1:
            labels, columns = _best_labels(labels, candidates, blank_id)
        self.memory = CTCPrefixMemory(blank, labels, columns)

        batch_size = tf.shape(blank)[0]
        nothing_read = tf.pad(tf.cumsum(blank, axis=1), [[0, 0], [1, 0]])
        self.initial_state = CTCPrefixState(
            label=tf.fill(tf.shape(nothing_read), tf.constant(LOG_ZERO, tf.float64)),
            blank=nothing_read,
            log_prob=tf.zeros([batch_size], tf.float64),
            last=tf.fill([batch_size], special_ids.start),
        )

    def score(
        self, ids: tf.Tensor, state: CTCPrefixState, memory: CTCPrefixMemory
    ) -> tuple[tf.Tensor, CTCPrefixState]:
        """See :class:`seq2seq.search.types.Scorer`."""
        labels, columns = memory.labels, memory.columns
        vocabulary_size = labels.shape[1] if isinstance(columns, tuple) else columns.shape[1]
        column = ids if isinstance(columns, tuple) else tf.gather(columns, ids, batch_dims=1)
        of_id = tf.gather(labels, column, batch_dims=1)  # [N, T]
        following = _advance(state, ids, of_id, memory.blank)
        at_start = ids == self.special_ids.start
        state = CTCPrefixState(
            *(
                tf.where(at_start if now.shape.rank == 1 else at_start[:, tf.newaxis], before, now)
                for before, now in zip(state, following)
            )
        )
        ways = _log_add(state.label, state.blank)
        scores = _log_dot(labels, ways[:, :-1])  # [N, C]
        if not isinstance(columns, tuple):
            scores = tf.gather(scores, columns, batch_dims=1)
        # A label is read a second time only after a blank.
        repeated = _log_dot(of_id[:, tf.newaxis, :], state.blank[:, :-1])  # [N, 1]
        tokens = tf.range(vocabulary_size)
        scores = tf.where(tokens == state.last[:, tf.newaxis], repeated, scores)
        scores = tf.where(tokens == self.special_ids.end, ways[:, -1:], scores)  # [N, V]
        increments = self.weight * tf.minimum(scores - state.log_prob[:, tf.newaxis], 0.0)
        return tf.where(_possible(scores), tf.cast(increments, tf.float32), MIN_SCORE), state


def _best_labels(labels: tf.Tensor, count: int, blank_id: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The ``count`` labels of [B, V, T] that reach most in some frame, and one that is the best of the others.

    Returns:
      their probabilities [B, count + 1, T] and the column of every label [B, V] int32.
    """
    vocabulary_size = labels.shape[1]
    is_blank = tf.range(vocabulary_size) == blank_id
    peaks = tf.where(~is_blank, tf.reduce_max(labels, axis=2), -1.0)  # [B, V]
    _, best = tf.math.top_k(peaks, count)  # [B, count]
    positions = tf.one_hot(best, vocabulary_size, dtype=tf.int32)  # [B, count, V]
    chosen = tf.reduce_any(positions > 0, axis=1)  # [B, V]
    others = tf.where((chosen | is_blank)[:, :, tf.newaxis], tf.constant(0.0, tf.float64), labels)
    kept = [tf.gather(labels, best, batch_dims=1), tf.reduce_max(others, axis=1, keepdims=True)]
    columns = tf.reduce_sum(positions * tf.range(count)[:, tf.newaxis], axis=1)
    return tf.concat(kept, axis=1), tf.where(chosen, columns, count)


def _advance(state: CTCPrefixState, ids: tf.Tensor, of_id: tf.Tensor, log_blank: tf.Tensor) -> CTCPrefixState:
    """The state with ``ids`` [N] appended, whose probabilities are ``of_id`` [N, T]."""
    log_label = tf.math.log(_at_least(of_id))
    again = (ids == state.last)[:, tf.newaxis]
    # The label is new in a frame before which the shorter prefix was read.
    arrivals = tf.where(again, state.blank, _log_add(state.label, state.blank))[:, :-1]
    label = _accumulate(arrivals, log_label)
    blank = _accumulate(label[:, :-1], log_blank)
    log_prob = tf.maximum(tf.reduce_logsumexp(arrivals + log_label, axis=1), LOG_ZERO)
    return CTCPrefixState(label, blank, log_prob, ids)


def _accumulate(arrivals: tf.Tensor, log_stay: tf.Tensor) -> tf.Tensor:
    """``log y`` [N, T + 1] where ``y[0] = 0`` and ``y[t + 1] = (y[t] + arrivals[t]) · stay[t]``; logs [N, T]."""
    total = tf.cumsum(log_stay, axis=1)
    grown = total + tf.math.cumulative_logsumexp(arrivals - (total - log_stay), axis=1)
    return tf.pad(grown, [[0, 0], [1, 0]], constant_values=LOG_ZERO)


def _log_dot(labels: tf.Tensor, log_weights: tf.Tensor) -> tf.Tensor:
    """``log Σ_t labels[n, c, t] · weights[n, t]``: [N, C, T] and [N, T] → [N, C]."""
    largest = tf.maximum(tf.reduce_max(log_weights, axis=1, keepdims=True), LOG_ZERO)
    sums = tf.linalg.matvec(labels, tf.exp(log_weights - largest))
    return tf.maximum(tf.math.log(sums) + largest, LOG_ZERO)


def _log_add(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    larger = tf.maximum(a, b)
    return larger + tf.math.log1p(tf.exp(tf.minimum(a, b) - larger))


def _at_least(probabilities: tf.Tensor) -> tf.Tensor:
    return tf.maximum(tf.cast(probabilities, tf.float64), MIN_PROBABILITY)


def _possible(log_probs: tf.Tensor) -> tf.Tensor:
    return log_probs > LOG_ZERO / 2
