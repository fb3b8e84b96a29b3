"""Scores of every entry of the vocabulary, and the cross entropy over them."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from seq2seq.layers.embedding import Embedding


class TokenLosses(NamedTuple):
    """Per token, ``[N]`` float32: the cross entropy, and what is minimised (smoothed)."""

    cross_entropy: tf.Tensor
    smoothed: tf.Tensor


class OutputProjection(tf.keras.layers.Layer):
    """``logits = x · tableᵀ + bias``, with a table of its own or an embedding's (Press & Wolf 2017).

    Args:
      vocabulary_size: V.
      depth: of the inputs; where the shared table has another depth, a linear layer comes before it.
      shared: the embedding whose table to use.
    """

    def __init__(
        self, vocabulary_size: int, depth: int, *, shared: Embedding | None = None, name: str = "output"
    ) -> None:
        super().__init__(name=name)
        self.shared = shared
        self.adapter = None
        if shared is None:
            self.own_table = self.add_weight("table", [vocabulary_size, depth], initializer="glorot_uniform")
        elif shared.size != depth:
            self.adapter = tf.keras.layers.Dense(shared.size, use_bias=False, name="adapter")
        self.bias = self.add_weight("bias", [vocabulary_size], initializer="zeros")

    @property
    def table(self) -> tf.Variable:
        return self.own_table if self.shared is None else self.shared.table

    def _features(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs if self.adapter is None else self.adapter(inputs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Args: ``[N, depth]``. Returns: logits ``[N, V]`` float32."""
        return tf.matmul(self._features(inputs), self.table, transpose_b=True) + self.bias

    def token_losses(self, inputs: tf.Tensor, targets: tf.Tensor, label_smoothing: float) -> TokenLosses:
        """Cross entropy, and its label-smoothed form (Szegedy et al. 2016), in one pass over the logits.

        With ε spread evenly over the vocabulary the smoothed loss is
        ``(1-ε)(logZ - l_y) + ε(logZ - mean l) = xent + ε(l_y - mean l)``, and both ``l_y = x·E[y] + b[y]`` and
        ``mean l = x·mean(E) + mean(b)`` are cheap.

        Args:
          inputs: ``[N, depth]``, real positions only.
          targets: ``[N]`` int32.
          label_smoothing: ε in [0, 1).
        """
        features = self._features(inputs)
        logits = tf.matmul(features, self.table, transpose_b=True) + self.bias  # [N, V]
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
        if label_smoothing == 0.0:
            return TokenLosses(cross_entropy, cross_entropy)
        chosen = tf.reduce_sum(features * tf.gather(self.table, targets), -1) + tf.gather(self.bias, targets)
        mean = tf.linalg.matvec(features, tf.reduce_mean(self.table, 0)) + tf.reduce_mean(self.bias)
        return TokenLosses(cross_entropy, cross_entropy + label_smoothing * (chosen - mean))
