"""What an attention mechanism is: queries meet keys, scores become alignments."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.layers.steps_over_time import Product, steps_over_time, times

Tensors = dict[str, tf.Tensor]


class Memory(NamedTuple):
    """What a decoder attends to, prepared once per sequence.

    Attributes:
      keys: ``[B, ...]``, what queries are compared with, in whatever form the mechanism compares fastest.
      values: ``[B, S, D]``, what is averaged; zero past the length.
      mask: ``[B, S]`` bool, True on real positions.
    """

    keys: tf.Tensor
    values: tf.Tensor
    mask: tf.Tensor


class AttentionMechanism(keras.layers.Layer):
    """Finds where to look. The memory is an argument of every method: a mechanism keeps nothing but weights, which it
    makes when it is made.

    A subclass gives ``keys`` and ``score``, and whichever of the other methods differ. Its matrix products go through
    ``product``, so that a decoder can take the gradient of their kernels after its loop (``steps_over_time``): it names
    the matrices in ``kernels``, and whatever else its scores need in ``shared``.

    Args:
      units: K, depth of the keys.
      memory_depth: D, of the encoder's outputs.
      query_depth: Q, of the decoder's cell output.
      scaled: whether scores have a learnt scale; each mechanism says how.

    Attributes:
      context_depth: of what a step is told of the memory: D.
    """

    def __init__(
        self,
        units: int,
        *,
        memory_depth: int,
        query_depth: int,
        scaled: bool,
        name: str = "attention_mechanism",
    ) -> None:
        super().__init__(name=name)
        self.units = units
        self.memory_depth = memory_depth
        self.query_depth = query_depth
        self.scaled = scaled
        self.context_depth = memory_depth

    @abstractmethod
    def keys(self, values: tf.Tensor) -> tf.Tensor:
        """From values ``[B, S, D]`` to ``Memory.keys``."""

    @abstractmethod
    def score(self, product: Product, query: tf.Tensor, previous: tf.Tensor, shared: Tensors) -> tf.Tensor:
        """How well each position suits a query.

        Args:
          product: ``(name of a kernel, x [B, D])`` → ``[B, E]``; called once for each of ``kernels``.
          query: ``[B, Q]``.
          previous: ``[B, S]``, the alignments of the step before.
          shared: see the method of that name.

        Returns:
          ``[B, S]``; scores of positions that are not real do not matter.
        """

    def kernels(self, memory: Memory) -> Tensors:
        """The matrices of the products, ``[D, E]`` or, for each row its own, ``[B, D, E]``."""
        return {}

    def shared(self, memory: Memory) -> Tensors:
        """What every step uses besides the products."""
        return {}

    def probabilities(self, score: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        """Alignments ``[B, S]`` from scores, the least finite number where a position is not real, and from the
        alignments before."""
        return tf.nn.softmax(score)

    def initial_alignments(self, memory: Memory) -> tf.Tensor:
        """``[B, S]``, the alignments before the first step."""
        return tf.zeros_like(memory.mask, memory.values.dtype)

    def prepare(self, values: tf.Tensor, length: tf.Tensor) -> Memory:
        """The memory of ``values`` ``[B, S, D]``, of which ``length`` ``[B]`` positions are real."""
        mask = tf.sequence_mask(length, tf.shape(values)[1])
        values = values * tf.cast(mask, values.dtype)[..., tf.newaxis]
        return Memory(keys=self.keys(values), values=values, mask=mask)

    def align(
        self, product: Product, query: tf.Tensor, previous: tf.Tensor, mask: tf.Tensor, shared: Tensors
    ) -> tf.Tensor:
        """Alignments ``[B, S]`` of a query, zero past the length; arguments as for ``score``, mask ``[B, S]``."""
        score = self.score(product, query, previous, shared)
        return self.probabilities(tf.where(mask, score, score.dtype.min), previous)

    def step(self, query: tf.Tensor, previous: tf.Tensor, memory: Memory) -> tf.Tensor:
        """``align`` by itself, in a search: ``[B, S]``."""
        return self.align(self.step_product(memory), query, previous, memory.mask, self.shared(memory))

    def step_product(self, memory: Memory) -> Product:
        """The products of a single step."""
        kernels = self.kernels(memory)
        return lambda name, x: times(x, kernels[name])

    def align_all(self, queries: tf.Tensor, memory: Memory) -> tf.Tensor:
        """Alignments ``[T, B, S]`` of all queries ``[T, B, Q]`` of a known target, one after the other."""
        return steps_over_time(
            lambda product, t, previous, query, shared: self.align(
                product, query, previous, memory.mask, shared
            ),
            self.initial_alignments(memory),
            queries,
            self.shared(memory),
            self.kernels(memory),
        )


def first_position(memory: Memory) -> tf.Tensor:
    """``[B, S]``: all weight on the first position."""
    rows, positions = tf.unstack(tf.shape(memory.mask))
    return tf.one_hot(tf.zeros([rows], tf.int32), positions, dtype=memory.values.dtype)
