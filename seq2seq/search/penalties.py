"""How the summed log-probabilities of hypotheses of different lengths are made comparable."""

from __future__ import annotations

from typing import Any, Callable

import tensorflow as tf

LengthPenalty = Callable[[tf.Tensor, Any], tf.Tensor]
"""``(length, alpha) → divisor``: at least as large for a longer hypothesis, 1 everywhere for alpha = 0.

alpha is a number, or a scalar tensor."""


def average_length_penalty(length: tf.Tensor, alpha: float | tf.Tensor) -> tf.Tensor:
    """``length ** alpha``: alpha = 1 ranks by the average log-probability of a token, alpha = 0 by the sum.

    ``length`` (float32, any shape) counts the scored tokens, the end among them, so it is never 0.
    """
    return tf.ones_like(length) if _is_zero(alpha) else tf.pow(length, alpha)


def gnmt_length_penalty(length: tf.Tensor, alpha: float | tf.Tensor) -> tf.Tensor:
    """``((5 + length) / 6) ** alpha`` of Wu et al. (2016), equation 14: milder on short hypotheses."""
    return tf.ones_like(length) if _is_zero(alpha) else tf.pow((5.0 + length) / 6.0, alpha)


def _is_zero(alpha: float | tf.Tensor) -> bool:
    return not tf.is_tensor(alpha) and alpha == 0.0


def coverage_penalty(coverage: tf.Tensor, memory_mask: tf.Tensor, beta: float) -> tf.Tensor:
    """``beta · Σ_s log(min(Σ_t alignments[t, s], 1))`` of Wu et al. (2016), equation 14: never positive.

    Args:
      coverage: [N, S] float32, attention each memory position has had, summed over tokens.
      memory_mask: [N, S] bool; positions outside it cost nothing.

    Returns:
      [N] float32, to be added to a score.
    """
    # A position never looked at costs much, not infinitely much.
    cost = tf.math.log(tf.clip_by_value(coverage, 1e-20, 1.0))
    return beta * tf.reduce_sum(tf.where(memory_mask, cost, 0.0), axis=-1)
