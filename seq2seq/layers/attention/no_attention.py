"""No attention: the decoder knows of the source what its first state says."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.layers.attention.mechanism import AttentionMechanism, Memory, Tensors
from seq2seq.layers.steps_over_time import Product


class NoAttention(AttentionMechanism):
    """Looks nowhere (Sutskever et al. 2014): alignments are zeros, the context has no depth, and there are no weights.

    Args: see ``AttentionMechanism``; none of them matters.
    """

    def __init__(self, units: int, *, memory_depth: int, query_depth: int, scaled: bool = False) -> None:
        super().__init__(units, memory_depth=memory_depth, query_depth=query_depth, scaled=scaled)
        self.context_depth = 0

    def keys(self, values: tf.Tensor) -> tf.Tensor:
        return values[:, :, :0]

    def prepare(self, values: tf.Tensor, length: tf.Tensor) -> Memory:
        nothing = values[:, :, :0]
        return Memory(keys=nothing, values=nothing, mask=tf.sequence_mask(length, tf.shape(values)[1]))

    def score(self, product: Product, query: tf.Tensor, previous: tf.Tensor, shared: Tensors) -> tf.Tensor:
        return tf.zeros_like(previous)

    def align(
        self, product: Product, query: tf.Tensor, previous: tf.Tensor, mask: tf.Tensor, shared: Tensors
    ) -> tf.Tensor:
        return tf.zeros_like(previous)

    def align_all(self, queries: tf.Tensor, memory: Memory) -> tf.Tensor:
        shape = tf.shape(memory.mask)
        return tf.zeros([tf.shape(queries)[0], shape[0], shape[1]], queries.dtype)
