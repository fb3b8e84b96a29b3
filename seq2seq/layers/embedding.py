"""Vectors for the entries of a vocabulary."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.keras2 import keras


class Embedding(keras.layers.Layer):
    """A table ``[V, size]``, which an output projection may share.

    Args:
      vocabulary_size: V.
      size: depth of a vector.
      scale: multiply vectors by ``sqrt(size)`` (Vaswani et al. 2017), so that a table that is also an output
        projection, and therefore starts small, gives inputs of unit variance.
    """

    def __init__(
        self, vocabulary_size: int, size: int, *, scale: bool = False, name: str = "embedding"
    ) -> None:
        super().__init__(name=name)
        self.vocabulary_size = vocabulary_size
        self.size = size
        self.factor = size**0.5 if scale else 1.0
        deviation = size**-0.5
        self.table = self.add_weight(
            "table", [vocabulary_size, size], initializer=keras.initializers.RandomNormal(stddev=deviation)
        )

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Args: ids ``[B, T]`` or ``[B]`` int32. Returns: ``[..., size]``."""
        vectors = tf.gather(self.table, ids)
        return vectors * self.factor if self.factor != 1.0 else vectors
