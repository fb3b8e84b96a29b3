"""How the next tokens of the hypotheses alive are chosen: the best of them all, or one drawn for each."""

from __future__ import annotations

from typing import Callable, NamedTuple

import tensorflow as tf

from seq2seq.layers.log_zero import MIN_SCORE
from seq2seq.search.top_k import fast_top_k, static_width


class Expansion(NamedTuple):
    """Everything known before a step's tokens are chosen; R sentences are still searched, N = R·K."""

    logits: tf.Tensor
    """[N, V] float32, the model's, not normalised."""
    additions: tf.Tensor | None
    """[N, V] float32, the sum of the scorers; None without scorers."""
    log_probs: tf.Tensor
    """[R, K] float32 of the hypotheses so far; MIN_SCORE where none is alive."""
    banned: tf.Tensor
    """[R, F] int32: tokens that may not be chosen."""
    sentence: tf.Tensor
    """[R] int32: the place of each sentence in the batch that was given."""
    time: tf.Tensor
    """[] int32: tokens chosen so far."""
    model_weight: float = 1.0
    """What the model's log-probabilities are multiplied by; the scorers bring weights of their own."""

    @property
    def scores(self) -> tf.Tensor:
        """[N, V]: log-probabilities with weight and scorers, but for a constant of each row."""
        weighted = self.weigh(self.logits)
        return weighted if self.additions is None else weighted + self.additions

    def weigh(self, values: tf.Tensor) -> tf.Tensor:
        """The model's logits or log-probabilities with their weight."""
        return values if self.model_weight == 1.0 else self.model_weight * values


class Candidates(NamedTuple):
    """Extended hypotheses, C of each sentence."""

    log_probs: tf.Tensor
    """[R, C] float32: summed, scorers included, the new token's too."""
    parents: tf.Tensor
    """[R, C] int32 in [0, K): the hypothesis that is extended."""
    tokens: tf.Tensor
    """[R, C] int32."""


CandidateSelector = Callable[[Expansion], Candidates]


def best_candidates(expansion: Expansion) -> Candidates:
    """The 2K best extensions of the K hypotheses, best first: even if K of them are ends, K others remain."""
    rows, vocabulary_size = tf.shape(expansion.logits)[0], expansion.logits.shape[1]
    width, banned = static_width(expansion.log_probs), expansion.banned.shape[1]
    at_most = tf.minimum if tf.is_tensor(width) else min
    count = at_most(2 * width + banned, vocabulary_size)
    values, tokens = fast_top_k(expansion.scores, count)  # [N, count]
    # The best token is a likely one, unless scorers overrule the model.
    likely = tokens[:, 0] if expansion.additions is None else tf.argmax(expansion.logits, -1, tf.int32)
    # One log-probability gives those of a row; softmax is a single fused pass where log Σ exp takes four.
    probability = tf.gather(tf.nn.softmax(expansion.logits), likely, batch_dims=1)
    values -= expansion.weigh(tf.gather(expansion.logits, likely, batch_dims=1))[:, tf.newaxis]
    values += expansion.weigh(tf.math.log(probability))[:, tf.newaxis]

    tokens = tf.reshape(tokens, [rows // width, width * count])  # [R, K·count]
    values = tf.reshape(values, [rows // width, width, count]) + expansion.log_probs[:, :, tf.newaxis]
    values = tf.maximum(tf.reshape(values, [rows // width, width * count]), MIN_SCORE)
    allowed = tf.reduce_all(tokens[:, :, tf.newaxis] != expansion.banned[:, tf.newaxis, :], axis=-1)
    log_probs, best = tf.math.top_k(tf.where(allowed, values, MIN_SCORE), 2 * width)  # [R, 2K]
    return Candidates(log_probs, best // count, tf.gather(tokens, best, batch_dims=1))


def sampled_candidates(
    expansion: Expansion, *, seed: tf.Tensor, temperature: float, top_k: int, top_p: float
) -> Candidates:
    """One extension of each hypothesis, drawn from ``softmax(scores / temperature)``, with its tail cut off.

    A draw depends on the seed, the time and the sentence's place in the batch, and on nothing else (but XLA
    draws other numbers).

    Args:
      seed: [2] int32.
      top_k: draw from the ``top_k`` likeliest tokens only (top-k; Fan et al., 2018); 0: from all.
      top_p: draw from the fewest tokens whose probabilities reach this sum only (top-p; Holtzman et al.,
        2020); 1: from all.
    """
    width, vocabulary_size = expansion.log_probs.shape[1], expansion.logits.shape[1]
    banned = tf.reduce_any(
        tf.one_hot(expansion.banned, vocabulary_size, on_value=True, off_value=False), axis=1
    )
    scores = tf.where(tf.repeat(banned, width, axis=0), MIN_SCORE, expansion.scores)
    if top_k or top_p < 1.0:
        scores, tokens = fast_top_k(scores, min(top_k or vocabulary_size, vocabulary_size))
    else:
        tokens = tf.broadcast_to(tf.range(vocabulary_size), tf.shape(scores))
    probabilities = tf.nn.softmax(scores / temperature)  # [N, kept]
    if top_p < 1.0:
        mass_before = tf.cumsum(probabilities, axis=-1, exclusive=True)
        probabilities = tf.where(mass_before < top_p, probabilities, 0.0)

    # Inverse of the distribution function; what has probability 0 is never met.
    mass = tf.cumsum(probabilities, axis=-1)
    shape = [tf.reduce_max(expansion.sentence) + 1, width]
    step_seed = tf.random.experimental.stateless_fold_in(seed, expansion.time)
    draws = tf.gather(tf.random.stateless_uniform(shape, step_seed), expansion.sentence)  # [R, K]
    threshold = tf.reshape(draws, [-1, 1]) * mass[:, -1:]
    drawn = tf.reduce_sum(tf.cast(mass <= threshold, tf.int32), axis=-1, keepdims=True)
    drawn = tf.minimum(drawn, tf.reduce_sum(tf.cast(mass < mass[:, -1:], tf.int32), axis=-1, keepdims=True))
    token = tf.gather(tokens, drawn, batch_dims=1)  # [N, 1]

    log_normalizer = tf.reduce_logsumexp(expansion.logits, -1, keepdims=True)
    log_probs = tf.gather(scores, drawn, batch_dims=1) - expansion.weigh(log_normalizer)
    log_probs = tf.maximum(tf.reshape(log_probs, [-1, width]) + expansion.log_probs, MIN_SCORE)
    parents = tf.broadcast_to(tf.range(width), tf.shape(log_probs))
    return Candidates(log_probs, parents, tf.reshape(token, [-1, width]))
