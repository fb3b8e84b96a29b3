"""Multiplicative attention."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.layers.attention.mechanism import AttentionMechanism, Memory, Tensors
from seq2seq.layers.steps_over_time import Product


class LuongAttention(AttentionMechanism):
    """``e_s = query · W memory_s`` (Luong et al. 2015, "general"), as ``tfa.seq2seq.LuongAttention``.

    Args:
      units: must equal ``query_depth``, since the query is used as it is.
      scaled: a learnt factor of the scores, ``1 / √units`` at the start (Vaswani et al. 2017, section 3.2.1), where
        TensorFlow Addons has 1: a sum over so many units saturates the softmax within a hundred updates, mostly on the
        last position, and its gradient is gone.

    Its memory's keys are ``[B, K, S]``, scaled.
    """

    def __init__(self, units: int, *, memory_depth: int, query_depth: int, scaled: bool = False) -> None:
        if units != query_depth:
            raise ValueError(f"units={units} must be the depth of the query, {query_depth}")
        super().__init__(units, memory_depth=memory_depth, query_depth=query_depth, scaled=scaled)
        self.memory_layer = keras.layers.Dense(units, use_bias=False, name="memory_layer")
        self.memory_layer.build(tf.TensorShape([None, None, memory_depth]))
        self._add_scale()

    def _add_scale(self) -> None:
        self.scale_weight = self._first_scale() if self.scaled else None

    def _first_scale(self) -> tf.Variable:
        return self.add_weight("attention_g", [], initializer=tf.constant_initializer(self.units**-0.5))

    @property
    def scale(self) -> tf.Variable | None:
        """The factor of the scores."""
        return self.scale_weight

    def keys(self, values: tf.Tensor) -> tf.Tensor:
        keys = self.memory_layer(values)
        return tf.transpose(keys if self.scale is None else keys * self.scale, [0, 2, 1])

    def kernels(self, memory: Memory) -> Tensors:
        return {"keys": memory.keys}

    def score(self, product: Product, query: tf.Tensor, previous: tf.Tensor, shared: Tensors) -> tf.Tensor:
        return product("keys", query)

    def align_all(self, queries: tf.Tensor, memory: Memory) -> tf.Tensor:
        """All at once: none depends on the one before."""
        scores = tf.einsum("tbk,bks->tbs", queries, memory.keys)
        return tf.nn.softmax(tf.where(memory.mask[tf.newaxis], scores, scores.dtype.min))
