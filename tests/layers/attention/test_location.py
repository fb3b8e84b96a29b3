"""Location-aware attention against its equations in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.layers.attention.location import LocationAttention, convolution_matrix
from tests.closeness import assert_close

B, S, T, K, Q, D, F = 3, 9, 4, 5, 6, 7, 2
LENGTH = np.array([9, 1, 5])

OPTIONS = {
    "plain": dict(location_width=3),
    "wide": dict(location_width=21),
    "a point": dict(location_width=1),
    "smoothing": dict(location_width=5, smoothing=True),
    "window": dict(location_width=5, window=1),
    "smooth window": dict(location_width=3, smoothing=True, window=2),
}


def build(scaled: bool, **options: object) -> LocationAttention:
    keras.utils.set_random_seed(0)
    mechanism = LocationAttention(
        K, scaled=scaled, memory_depth=D, query_depth=Q, location_filters=F, **options
    )
    rng = np.random.default_rng(0)
    for weight in mechanism.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    return mechanism


def expected_alignments(
    mechanism: LocationAttention, query: np.ndarray, values: np.ndarray, previous: np.ndarray
) -> np.ndarray:
    """One row without padding: query [Q], values [S, D], previous [S] (Chorowski et al. 2015, eq. 8 and 9)."""
    filters, size = mechanism.location_filters.numpy()[:, 0], len(values)
    reach = len(filters) // 2
    v = mechanism.attention_v.numpy()
    if mechanism.attention_g is not None:
        v = mechanism.attention_g.numpy() * v / np.linalg.norm(v)
    scores = []
    for s in range(size):
        f = sum(previous[s + j] * filters[reach + j] for j in range(-reach, reach + 1) if 0 <= s + j < size)
        hidden = (
            query @ mechanism.query_layer.kernel.numpy()
            + values[s] @ mechanism.memory_layer.kernel.numpy()
            + f @ mechanism.location_kernel.numpy()
            + mechanism.attention_b.numpy()
        )
        scores.append(v @ np.tanh(hidden))
    weights = 1 / (1 + np.exp(-np.array(scores))) if mechanism.smoothing else np.exp(scores)
    if mechanism.window:
        median = np.argmax(np.cumsum(previous) >= 0.5)
        weights[np.abs(np.arange(size) - median) > mechanism.window] = 0.0
    return weights / weights.sum()


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("name", OPTIONS)
def test_equals_the_equations(name: str, scaled: bool) -> None:
    mechanism = build(scaled, **OPTIONS[name])
    rng = np.random.default_rng(1)
    values = rng.normal(size=[B, S, D]).astype(np.float32)
    memory = mechanism.prepare(tf.constant(values), tf.constant(LENGTH))
    queries = rng.normal(size=[T, B, Q]).astype(np.float32)
    whole = mechanism.align_all(tf.constant(queries), memory)
    alignments, expected = mechanism.initial_alignments(memory), [np.eye(n)[0] for n in LENGTH]
    for query, at_once in zip(queries, whole):
        alignments = mechanism.step(tf.constant(query), alignments, memory)
        assert_close(at_once, alignments)
        for b, n in enumerate(LENGTH):
            expected[b] = expected_alignments(mechanism, query[b], values[b, :n], expected[b])
            assert_close(alignments[b, :n], expected[b])
            np.testing.assert_array_equal(alignments[b, n:], np.zeros(S - n))


@pytest.mark.parametrize("width", [1, 3, 9, 31])
@pytest.mark.parametrize("size", [1, 2, 8])
def test_the_matrix_is_the_convolution(width: int, size: int) -> None:
    rng = np.random.default_rng(2)
    alignments = tf.constant(rng.normal(size=[B, size]), tf.float32)
    filters = tf.constant(rng.normal(size=[width, 1, F]), tf.float32)
    product = tf.reshape(alignments @ convolution_matrix(filters, tf.constant(size)), [B, size, F])
    convolution = tf.nn.conv1d(alignments[..., tf.newaxis], filters, 1, "SAME")
    assert_close(product, convolution)


def test_extreme_scores_stay_finite() -> None:
    """Where every sigmoid is 0 in float32, the smoothed alignments are a distribution still."""
    mechanism = build(False, location_width=3, smoothing=True)
    alignments = mechanism.probabilities(tf.constant([[-300.0, -301.0, tf.float32.min]]), tf.ones([1, 3]) / 3)
    assert_close(alignments, [[0.7310586, 0.26894143, 0.0]])


def test_an_even_width_is_refused() -> None:
    with pytest.raises(ValueError, match="width=4 is even"):
        build(True, location_width=4)
