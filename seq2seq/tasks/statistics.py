"""What tells, beside its metrics, how a model fails: where it attends, and what its outputs have in common.

Each is a number of a validation and goes into its record as ``signs/NAME``; `seq2seq.tasks.signs` reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

PREFIX = "signs/"

MIN_LENGTH = 4
"""Attention is looked at where source and target have so many positions: in fewer it has nowhere to move."""

MIN_OUTPUTS = 20
"""Of fewer outputs shares say nothing."""

MIN_REPEATS = 4
"""An n-gram that stands so many times in a row is one that the model does not get away from."""

_LONGEST_PERIOD = 8


class LossPass(NamedTuple):
    """What a pass over a corpus with known targets gives.

    Attributes:
      metrics: ``loss`` and what else is computed of it.
      statistics: those of this module that come with it.
    """

    metrics: dict[str, float]
    statistics: dict[str, float]


def add_up(batches: Iterable[Mapping[str, tf.Tensor]]) -> dict[str, np.ndarray]:
    """The sums of batches as those of a corpus, float64; at least one batch."""
    totals: dict[str, Any] = {}
    for sums in batches:
        for name, value in sums.items():
            totals[name] = totals.get(name, 0.0) + value.numpy().astype(np.float64)
    return totals


# --- attention ---


def attention_sums(alignments: tf.Tensor, source_length: tf.Tensor, target_length: tf.Tensor) -> tf.Tensor:
    """Sums over the real target tokens of a batch, of which padding and the rest of the batch change nothing.

    Args:
      alignments: ``[B, T, S]``, zero past a source's length.
      source_length, target_length: ``[B]`` int32.

    Returns:
      ``[4]`` float32, of sentences with ``MIN_LENGTH`` positions and more on both sides: their target tokens; how many
      of these attend most to the last source position; how many to the one that most tokens of their sentence attend
      to; and the sum of their alignments' entropies, each relative to that of uniform ones.
    """
    alignments = tf.cast(alignments, tf.float32)
    long = (source_length >= MIN_LENGTH) & (target_length >= MIN_LENGTH)
    tokens = tf.where(long, target_length, 0)
    real = tf.sequence_mask(tokens, tf.shape(alignments)[1], tf.float32)  # [B, T]
    peak = tf.argmax(alignments, axis=2, output_type=tf.int32)  # [B, T]
    on_last = real * tf.cast(peak == source_length[:, tf.newaxis] - 1, tf.float32)
    hits = real[:, :, tf.newaxis] * tf.one_hot(peak, tf.shape(alignments)[2])  # [B, T, S]
    on_commonest = tf.reduce_max(tf.reduce_sum(hits, axis=1), axis=1)  # [B]
    shares = tf.math.divide_no_nan(alignments, tf.reduce_sum(alignments, axis=2, keepdims=True))
    entropy = -tf.reduce_sum(tf.math.xlogy(shares, shares), axis=2)  # [B, T]
    uniform = tf.math.log(tf.cast(tf.maximum(source_length, MIN_LENGTH), tf.float32))[:, tf.newaxis]
    return tf.stack(
        [
            tf.cast(tf.reduce_sum(tokens), tf.float32),
            tf.reduce_sum(on_last),
            tf.reduce_sum(on_commonest),
            tf.reduce_sum(real * entropy / uniform),
        ]
    )


def attention_statistics(sums: np.ndarray | None) -> dict[str, float]:
    """Shares of target tokens, and the mean relative entropy; none where nothing attends.

    Args:
      sums: of a corpus, as of `attention_sums`; None: the model has no attention.
    """
    if sums is None or not sums[0]:
        return {}
    on_last, on_commonest, entropy = (sums[1:] / sums[0]).tolist()
    return {
        "attention_on_last": on_last,
        "attention_on_commonest": on_commonest,
        "attention_entropy": entropy,
    }


# --- outputs ---


def output_statistics(outputs: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Shares of outputs: the empty ones, those that say one n-gram over and over, and those that are the commonest one.

    Of the last two, what holds for the references too is taken away: digits may well repeat, and answers be the same.
    """
    if len(outputs) < MIN_OUTPUTS:
        return {}
    empty = sum(not text.strip() for text in outputs) - sum(not text.strip() for text in references)
    repeating = sum(map(_repeats, outputs)) - sum(map(_repeats, references))
    same = _commonest(outputs) - _commonest(references)
    return {
        "empty_outputs": max(empty, 0) / len(outputs),
        "repeating_outputs": max(repeating, 0) / len(outputs),
        "same_outputs": max(same, 0) / len(outputs),
    }


def _repeats(text: str) -> bool:
    """Whether some n-gram of words, or of characters where there are no spaces, stands ``MIN_REPEATS`` times in a
    row."""
    words = text.split()
    tokens = np.unique(words if len(words) > 1 else list(text.strip()), return_inverse=True)[1]
    for period in range(1, min(_LONGEST_PERIOD, len(tokens) // MIN_REPEATS) + 1):
        differs = np.flatnonzero(tokens[period:] != tokens[:-period])
        bounds = np.concatenate([[-1], differs, [len(tokens) - period]])
        if np.diff(bounds).max() > (MIN_REPEATS - 1) * period:
            return True
    return False


def _commonest(texts: Sequence[str]) -> int:
    """How often the commonest text that is not empty stands among them."""
    return max(Counter(text.strip() for text in texts if text.strip()).values(), default=0)
