"""Additive attention."""

from __future__ import annotations

import math

import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.layers.attention.mechanism import AttentionMechanism, Memory, Tensors
from seq2seq.layers.recurrence import project
from seq2seq.layers.steps_over_time import Product


class BahdanauAttention(AttentionMechanism):
    """``e_s = v · tanh(W query + V memory_s + b)`` (Bahdanau et al. 2015), as ``tfa.seq2seq.BahdanauAttention``.

    Args:
      scaled: weight normalisation (Salimans & Kingma 2016), ``g · v / |v|`` in place of ``v``, and the bias ``b``.

    Its memory's keys are ``[B, S, K]``, bias included.
    """

    def __init__(self, units: int, *, memory_depth: int, query_depth: int, scaled: bool = False) -> None:
        super().__init__(units, memory_depth=memory_depth, query_depth=query_depth, scaled=scaled)
        self.query_layer = keras.layers.Dense(units, use_bias=False, name="query_layer")
        self.memory_layer = keras.layers.Dense(units, use_bias=False, name="memory_layer")
        initializer = keras.initializers.get("glorot_uniform")
        self.memory_layer.build(tf.TensorShape([None, None, memory_depth]))
        self.attention_v = self.add_weight("attention_v", [units], initializer=initializer)
        self._add_weights()
        self.query_layer.build(tf.TensorShape([None, query_depth]))

    def _add_weights(self) -> None:
        self.attention_g = self.attention_b = None
        if self.scaled:
            scale = tf.constant_initializer(math.sqrt(1.0 / self.units))
            self.attention_g = self.add_weight("attention_g", [], initializer=scale)
            self.attention_b = self.add_weight("attention_b", [self.units], initializer="zeros")

    def keys(self, values: tf.Tensor) -> tf.Tensor:
        keys = self.memory_layer(values)
        return keys if self.attention_b is None else keys + self.attention_b

    def kernels(self, memory: Memory) -> Tensors:
        return {"query": tf.convert_to_tensor(self.query_layer.kernel)}

    def shared(self, memory: Memory) -> Tensors:
        v = tf.convert_to_tensor(self.attention_v)
        if self.attention_g is not None:
            v = self.attention_g * v * tf.math.rsqrt(tf.reduce_sum(tf.square(v)))
        return {"keys": memory.keys, "v": v}

    def score(self, product: Product, query: tf.Tensor, previous: tf.Tensor, shared: Tensors) -> tf.Tensor:
        return additive_scores(shared["keys"], product("query", query), shared["v"])


def additive_scores(
    keys: tf.Tensor,
    query: tf.Tensor,
    v: tf.Tensor,
    location: tf.Tensor | None = None,
    location_kernel: tf.Tensor | None = None,
) -> tf.Tensor:
    """``v · tanh(keys + query + location · kernel)`` at every position.

    Args:
      keys: ``[B, S, K]``, bias included. query: ``[B, K]``. v: ``[K]``.
      location: ``[B, S, F]``. location_kernel: ``[F, K]``.

    Returns:
      ``[B, S]``.
    """
    hidden = keys + query[:, tf.newaxis]
    if location is not None:
        hidden += project(location, location_kernel)
    scores = tf.linalg.matvec(tf.reshape(tf.tanh(hidden), [-1, keys.shape[-1]]), v)
    return tf.reshape(scores, tf.shape(keys)[:2])
