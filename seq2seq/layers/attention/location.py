"""Location-aware attention: where to look depends on where the step before has looked."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.layers.attention.bahdanau import BahdanauAttention, additive_scores
from seq2seq.layers.attention.mechanism import Memory, Tensors, first_position
from seq2seq.layers.steps_over_time import Product, times


class LocationAttention(BahdanauAttention):
    """Hybrid attention of content and location (Chorowski et al. 2015, eq. 8 and 9).

    A convolution over the alignments of the step before, ``f = F * α``, describes the surroundings of every position
    and joins the additive score: ``e_s = v · tanh(W query + V memory_s + U f_s + b)``.

    The first step finds all weight on the first position, as in the authors' code; what is past the length of a memory
    has weight 0 and so is nothing to its neighbours.

    Args:
      location_filters, location_width: of the convolution; the width counts positions and is odd, so that each sees
        as far both ways.
      smoothing: alignments are normalised sigmoids in place of a softmax, which makes them wider (section 2.3).
      window: only positions within so many of the median of the alignments before can have weight, in training as in
        search (section 2.3 has it for search); 0: all of them.
      others: see ``BahdanauAttention``; the bias is there in any case.
    """

    def __init__(
        self,
        units: int,
        *,
        memory_depth: int,
        query_depth: int,
        scaled: bool = False,
        location_filters: int = 10,
        location_width: int = 201,
        smoothing: bool = False,
        window: int = 0,
    ) -> None:
        if location_width % 2 == 0:
            raise ValueError(f"location_width={location_width} is even; an odd one sees as far to both sides")
        self.filters, self.width = location_filters, location_width
        super().__init__(units, memory_depth=memory_depth, query_depth=query_depth, scaled=scaled)
        self.smoothing = smoothing
        self.window = window

    def _add_weights(self) -> None:
        super()._add_weights()
        self.location_filters = self.add_weight("location_filters", [self.width, 1, self.filters])
        self.location_kernel = self.add_weight("location_kernel", [self.filters, self.units])
        if self.attention_b is None:
            self.attention_b = self.add_weight("attention_b", [self.units], initializer="zeros")

    def kernels(self, memory: Memory) -> Tensors:
        matrix = convolution_matrix(self.location_filters, tf.shape(memory.mask)[1])
        return {**super().kernels(memory), "location": matrix}

    def shared(self, memory: Memory) -> Tensors:
        return {**super().shared(memory), "location": tf.convert_to_tensor(self.location_kernel)}

    def score(self, product: Product, query: tf.Tensor, previous: tf.Tensor, shared: Tensors) -> tf.Tensor:
        location = tf.reshape(product("location", previous), [*tf.unstack(tf.shape(previous)), self.filters])
        return additive_scores(
            shared["keys"], product("query", query), shared["v"], location, shared["location"]
        )

    def step_product(self, memory: Memory) -> Product:
        """With the convolution itself: for one step its matrix would cost more."""
        query_kernel = super().kernels(memory)["query"]

        def product(name: str, x: tf.Tensor) -> tf.Tensor:
            if name == "query":
                return times(x, query_kernel)
            return tf.nn.conv1d(x[..., tf.newaxis], self.location_filters, 1, "SAME")  # [B, S, filters]

        return product

    def probabilities(self, score: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        if self.smoothing:
            score = tf.math.log_sigmoid(score)  # a softmax of it divides the sigmoids by their sum
        if self.window:
            # A hair under one half: rounding, which may differ with padding, decides no tie.
            before = tf.cast(tf.cumsum(previous, axis=1) < 0.499, tf.int32)
            median = tf.reduce_sum(before, axis=1, keepdims=True)  # [B, 1]
            distance = tf.abs(tf.range(tf.shape(score)[1]) - median)
            score = tf.where(distance <= self.window, score, score.dtype.min)
        return tf.nn.softmax(score)

    def initial_alignments(self, memory: Memory) -> tf.Tensor:
        return first_position(memory)


def convolution_matrix(filters: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """A convolution as a matrix product: ``α @ matrix`` ``[B, S * F]`` is ``conv1d(α, filters)`` ``[B, S, F]``.

    With one input channel a product with this matrix, mostly repetition, is faster than the convolution, and so, by
    far, is its gradient.

    Args:
      filters: ``[width, 1, F]``, width odd. size: S.

    Returns:
      ``[S, S * F]``.
    """
    width, count = filters.shape[0], filters.shape[2]
    position = tf.range(size)
    tap = position[:, tf.newaxis] - position + width // 2  # [S, S], by input and output position
    outside = tf.zeros([1, count], filters.dtype)
    padded = tf.concat([outside, filters[:, 0], outside], 0)
    matrix = tf.gather(padded, tf.clip_by_value(tap + 1, 0, width + 1))  # [S, S, F]
    return tf.reshape(matrix, [size, size * count])
