"""Attention that never goes back, in expectation (Raffel et al. 2017), over either kind of score."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from seq2seq.layers.attention.bahdanau import BahdanauAttention
from seq2seq.layers.attention.luong import LuongAttention
from seq2seq.layers.attention.mechanism import AttentionMechanism, Memory, Tensors, first_position
from seq2seq.layers.steps_over_time import Product

_MIN_PRODUCT = 1e-10
"""Keeps a division finite where all positions before have surely been chosen; the value of TensorFlow Addons."""


def monotonic_alignments(score: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
    """Alignments ``[B, S]`` by equation 11 of the paper, with ``p = σ(score)``, as ``tfa.seq2seq.monotonic_attention``
    in "parallel" mode: ``α_i = p_i Π_{k<i}(1 - p_k) · Σ_{j≤i} α'_j / Π_{k<j}(1 - p_k)``.

    Args:
      score: ``[B, S]``.
      previous: ``[B, S]``, the alignments ``α'`` of the step before. They may sum to less than 1: what is missing has
        walked past the end.
    """
    p = tf.sigmoid(score)
    remaining = tf.clip_by_value(1.0 - p, np.finfo(p.dtype.as_numpy_dtype).tiny, 1.0)
    passed = tf.exp(tf.cumsum(tf.math.log(remaining), axis=1, exclusive=True))  # Π_{k<i}(1 - p_k)
    return p * passed * tf.cumsum(previous / tf.clip_by_value(passed, _MIN_PRODUCT, 1.0), axis=1)


class _Monotonic(AttentionMechanism):
    """Scores have a bias that is learnt, and every position is taken or passed for good."""

    attention_score_bias: tf.Variable

    def _add_bias(self) -> None:
        self.attention_score_bias = self.add_weight("attention_score_bias", [], initializer="zeros")

    def shared(self, memory: Memory) -> Tensors:
        return {**super().shared(memory), "score_bias": tf.convert_to_tensor(self.attention_score_bias)}

    def score(self, product: Product, query: tf.Tensor, previous: tf.Tensor, shared: Tensors) -> tf.Tensor:
        return super().score(product, query, previous, shared) + shared["score_bias"]  # type: ignore[safe-super]

    def probabilities(self, score: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        return monotonic_alignments(score, previous)

    def initial_alignments(self, memory: Memory) -> tf.Tensor:
        return first_position(memory)

    def align_all(self, queries: tf.Tensor, memory: Memory) -> tf.Tensor:
        """One after the other, whatever the score: each step's alignments depend on those before."""
        return AttentionMechanism.align_all(self, queries, memory)


class LuongMonotonicAttention(_Monotonic, LuongAttention):
    """The scores of ``LuongAttention``; as ``tfa.seq2seq.LuongMonotonicAttention``."""

    def _add_scale(self) -> None:
        self.attention_g = self._first_scale() if self.scaled else None
        self._add_bias()

    @property
    def scale(self) -> tf.Variable | None:
        return self.attention_g


class BahdanauMonotonicAttention(_Monotonic, BahdanauAttention):
    """The scores of ``BahdanauAttention``; as ``tfa.seq2seq.BahdanauMonotonicAttention``."""

    def _add_weights(self) -> None:
        self._add_bias()
        super()._add_weights()
