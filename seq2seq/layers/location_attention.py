"""Location-aware attention: where to look depends on where the step before has looked."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.layers.addons import tfa
from seq2seq.layers.recurrence import project


class LocationAttention(tfa.seq2seq.BahdanauAttention):
    """Hybrid attention of content and location (Chorowski et al. 2015, eq. 8 and 9).

    A convolution over the alignments of the step before, ``f = F * α``, describes the surroundings of every position
    and joins the additive score: ``e_s = v · tanh(W query + V memory_s + U f_s + b)``.

    The first step finds all weight on the first position, as in the authors' code; what is past the length of a memory
    has weight 0 and so is nothing to its neighbours.

    Args:
      units: K, of the keys.
      normalize: weight normalisation of ``v``, as TFA's ``BahdanauAttention`` has it.
      filters, width: of the convolution; the width counts positions and is odd, so that each sees as far both ways.
      smoothing: alignments are normalised sigmoids in place of a softmax, which makes them wider (section 2.3).
      window: only positions within so many of the median of the alignments before can have weight, in training as in
        search (section 2.3 has it for search); 0: all of them.

    Its weights, besides those of ``BahdanauAttention``: ``location_filters`` ``[width, 1, filters]``,
    ``location_kernel`` ``[filters, K]``; and ``attention_b`` ``[K]`` in any case.
    """

    attention_b: tf.Variable | None
    location_kernel: tf.Variable | None

    def __init__(
        self,
        units: int,
        *,
        normalize: bool = False,
        filters: int = 10,
        width: int = 201,
        smoothing: bool = False,
        window: int = 0,
        name: str = "location_attention",
    ) -> None:
        if width % 2 == 0:
            raise ValueError(f"width={width} is even; an odd one sees as far to both sides")
        super().__init__(units, normalize=normalize, name=name)
        self.filters = filters
        self.width = width
        self.smoothing = smoothing
        self.window = window
        self.location_kernel = None
        self.default_probability_fn = self.probability_fn = self.probabilities

    def build(self, input_shape: tf.TensorShape) -> None:
        super().build(input_shape)
        if self.location_kernel is None:  # TFA builds more than once
            self.location_filters = self.add_weight("location_filters", [self.width, 1, self.filters])
            self.location_kernel = self.add_weight("location_kernel", [self.filters, self.units])
        if self.attention_b is None:
            self.attention_b = self.add_weight("attention_b", [self.units], initializer="zeros")

    def initial_alignments(self, batch_size: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """``[B, S]``: 1 on the first position."""
        return tf.one_hot(tf.zeros([batch_size], tf.int32), self._alignments_size, dtype=dtype)

    def _calculate_attention(self, query: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """TFA's hook: query ``[B, Q]`` and the alignments before ``[B, S]`` → alignments, twice."""
        location = tf.nn.conv1d(state[..., tf.newaxis], self.location_filters, 1, "SAME")  # [B, S, filters]
        score = additive_scores(
            self.keys + self.attention_b,
            self.query_layer(query),
            scoring_vector(self),
            location,
            self.location_kernel,
        )
        alignments = self.probability_fn(score, state)
        return alignments, alignments

    def probabilities(self, score: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        """Alignments ``[B, S]`` from scores, the least finite number where a position is not real, and from the
        alignments before."""
        if self.smoothing:
            score = tf.math.log_sigmoid(score)  # a softmax of it divides the sigmoids by their sum
        if self.window:
            # A hair under one half: rounding, which may differ with padding, decides no tie.
            before = tf.cast(tf.cumsum(previous, axis=1) < 0.499, tf.int32)
            median = tf.reduce_sum(before, axis=1, keepdims=True)  # [B, 1]
            distance = tf.abs(tf.range(tf.shape(score)[1]) - median)
            score = tf.where(distance <= self.window, score, score.dtype.min)
        return tf.nn.softmax(score)


def scoring_vector(mechanism: tfa.seq2seq.BahdanauAttention) -> tf.Tensor:
    """``v`` ``[K]`` of an additive score; with weight normalisation (Salimans & Kingma 2016), ``g · v / |v|``."""
    v = tf.convert_to_tensor(mechanism.attention_v)
    if mechanism.attention_g is None:
        return v
    return mechanism.attention_g * v * tf.math.rsqrt(tf.reduce_sum(tf.square(v)))


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
