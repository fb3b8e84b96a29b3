"""Convolutions, shortened time and the acoustic encoder: exact lengths, and nothing of a row depends on its padding."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.encoders.acoustic import AcousticEncoder
from seq2seq.encoders.convolutional_front import ConvolutionalFront
from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.errors import UserError
from seq2seq.keras2 import keras
from seq2seq.layers.lstm_cell import layer_norm
from seq2seq.layers.time_reduction import reduce_time
from tests.closeness import assert_all_close, assert_close, assert_gradients_close

BINS, SIZE = 7, 5
FRONTS = {
    "vgg": dict(kind="vgg", channels=(3, 4)),
    "vgg, one stage, normalised": dict(kind="vgg", channels=(3,), layer_norm=True),
    "strided": dict(kind="strided", channels=(3, 4)),
    "strided, one stage, normalised": dict(kind="strided", channels=(4,), layer_norm=True),
    "none": dict(kind="none"),
}
STACKS = {
    "plain": dict(layers=1),
    "pyramid": dict(layers=3, reductions=[2, 1, 2], residual=True),
    "normalized": dict(layers=2, reductions=[2, 1], layer_norm=True, projection=6, residual=True),
    "skip": dict(layers=2, reductions=[3, 1], reduction="skip", residual=True),
    "pyramid with projections": dict(layers=2, reductions=[2, 1], projection=6, residual=True),
    "skip with projections, forward": dict(
        layers=3, reductions=[1, 2, 2], reduction="skip", projection=4, bidirectional=False
    ),
}
PAIRS = [*zip(FRONTS, STACKS), *(("none", stack) for stack in STACKS)][:-1]


def build(front: str, stack: str) -> AcousticEncoder:
    keras.utils.set_random_seed(1)
    encoder = AcousticEncoder(
        front=ConvolutionalFront(bins=BINS, size=SIZE, **FRONTS[front]),
        recurrent=RecurrentEncoder(units=3, **STACKS[stack]),
    )
    encoder(tf.zeros([1, 1, BINS]), tf.constant([1]))
    rng = np.random.default_rng(2)
    for weight in encoder.trainable_variables:  # biases too: padding must not become what they say
        weight.assign(rng.normal(0.0, 0.5, weight.shape))
    return encoder


def batch(rows: list[np.ndarray], extra: int = 0) -> tuple[tf.Tensor, tf.Tensor]:
    """Padded with large numbers: whoever looks at padding gives itself away."""
    lengths = [len(row) for row in rows]
    features = np.full([len(rows), max(lengths) + extra, BINS], 1e3, np.float32)
    for b, row in enumerate(rows):
        features[b, : len(row)] = row
    return tf.constant(features), tf.constant(lengths)


def run(
    encoder: AcousticEncoder, rows: list[np.ndarray], extra: int = 0
) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
    """Of each row memory, states and the gradient by its features; the gradient by the weights."""
    features, length = batch(rows, extra)
    with tf.GradientTape() as tape:
        tape.watch(features)
        memory, memory_length, states = encoder(features, length)
        loss = tf.add_n([tf.reduce_sum(tf.sin(x)) for x in tf.nest.flatten((memory, states))])
    by_features, *by_weights = tape.gradient(loss, [features, *encoder.trainable_variables])
    results = []
    for b, n in enumerate(memory_length.numpy()):
        assert n == math.ceil(len(rows[b]) / encoder.time_reduction)
        assert not memory[b, n:].numpy().any()
        assert not by_features[b, len(rows[b]) :].numpy().any()
        parts = [memory[b, :n], *(x[b] for x in tf.nest.flatten(states)), by_features[b, : len(rows[b])]]
        results.append([part.numpy() for part in parts])
    return results, [gradient.numpy() for gradient in by_weights]


@pytest.mark.parametrize(("front", "stack"), PAIRS)
def test_a_row_is_alone_in_the_world(front: str, stack: str) -> None:
    encoder = build(front, stack)
    rng = np.random.default_rng(3)
    rows = [rng.normal(size=[n, BINS]).astype(np.float32) for n in (9, 1, 6, 11)]
    together, gradients = run(encoder, rows)
    padded, padded_gradients = run(encoder, rows, extra=6)
    order = [2, 0, 3, 1]
    permuted, permuted_gradients = run(encoder, [rows[b] for b in order])
    alone = [run(encoder, [row]) for row in rows]
    for b, ours in enumerate(together):
        for theirs in (padded[b], permuted[order.index(b)], alone[b][0][0]):
            assert_all_close(ours, theirs)
    summed = [np.sum(parts, axis=0) for parts in zip(*(by_weights for _, by_weights in alone))]
    for others in (padded_gradients, permuted_gradients, summed):
        assert_gradients_close(gradients, others)


@pytest.mark.parametrize(("front", "stack"), PAIRS)
def test_every_length_is_exact(front: str, stack: str) -> None:
    encoder = build(front, stack)
    signature = [tf.TensorSpec([None, None, BINS]), tf.TensorSpec([None], tf.int32)]
    graph = tf.function(encoder, input_signature=signature, autograph=False)
    for time in range(1, 21):  # and every length up to it
        length = tf.range(time + 1)  # an empty row, too
        memory, memory_length, states = graph(tf.ones([time + 1, time, BINS]), length)
        expected = [math.ceil(n / encoder.time_reduction) for n in range(time + 1)]
        np.testing.assert_array_equal(memory_length, expected)
        np.testing.assert_array_equal(encoder.reduced_length(length), expected)
        assert memory.shape == [time + 1, expected[-1], encoder.depth]
        assert [tuple(state) for state in tf.nest.map_structure(lambda x: x.shape[-1], states)] == [
            tuple(size) for size in encoder.state_sizes
        ]
        real = np.arange(expected[-1]) < np.array(expected)[:, None]
        np.testing.assert_array_equal(np.any(memory != 0.0, axis=-1), real)


def convolved(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """One row ``[T, F, C]``: every output is centred on a multiple of the stride."""
    padded = np.pad(x, [(1, 1), (1, 1), (0, 0)])
    return np.array(
        [
            [
                np.tensordot(padded[t : t + 3, f : f + 3], kernel, axes=3) + bias
                for f in range(0, x.shape[1], stride)
            ]
            for t in range(0, x.shape[0], stride)
        ]
    )


def pooled(x: np.ndarray) -> np.ndarray:
    return np.array(
        [
            [x[t : t + 2, f : f + 2].max(axis=(0, 1)) for f in range(0, x.shape[1], 2)]
            for t in range(0, x.shape[0], 2)
        ]
    )


@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.parametrize("time", [6, 7])
def test_the_front_is_what_its_definition_says(name: str, time: int) -> None:
    front = build(name, "plain").front
    row = np.random.default_rng(4).normal(size=[time, BINS]).astype(np.float32)
    vectors, _ = front(*batch([row], extra=3))
    x = row[..., np.newaxis]
    for convolutions, norms in zip(front.convolutions, front.norms):
        for convolution, norm in zip(convolutions, norms):
            x = convolved(x, *(w.numpy() for w in convolution.weights), stride=convolution.strides[0])
            x = x if norm is None else layer_norm(tf.constant(x, tf.float32), norm.gamma, norm.beta).numpy()
            x = np.maximum(x, 0.0)
        x = pooled(x) if name.startswith("vgg") else x
    expected = x.reshape([len(x), -1]) @ front.linear.kernel.numpy() + front.linear.bias.numpy()
    assert_close(vectors[0, : len(x)], expected)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_steps_side_by_side_and_steps_left_out(factor: int) -> None:
    rows = [[1.0, 2, 3, 4, 5], [6.0, 7, 0, 0, 0]]
    sequence = tf.constant(rows)[..., tf.newaxis]
    joined, length = reduce_time(sequence, tf.constant([5, 2]), factor)
    skipped, skipped_length = reduce_time(sequence, tf.constant([5, 2]), factor, "skip")
    padded = np.pad(rows, [(0, 0), (0, -5 % factor)])
    np.testing.assert_array_equal(joined, padded.reshape([2, -1, factor]))
    np.testing.assert_array_equal(skipped[..., 0], np.array(rows)[:, ::factor])
    for found in (length, skipped_length):
        np.testing.assert_array_equal(found, [math.ceil(5 / factor), math.ceil(2 / factor)])


def test_features_of_another_width_are_refused() -> None:
    with pytest.raises(UserError, match=r"features have 4 bins; this model reads 7\."):
        build("vgg", "plain")(tf.zeros([1, 3, 4]), tf.constant([3]))


@pytest.mark.parametrize(
    "wrong", [dict(reductions=[2]), dict(reductions=[2, 0]), dict(reduction="mean", reductions=[2, 1])]
)
def test_reductions_fit_the_layers(wrong: dict) -> None:
    with pytest.raises(ValueError, match="reduction"):
        RecurrentEncoder(layers=2, units=3, **wrong)


@pytest.mark.parametrize("wrong", [dict(kind="resnet"), dict(kind="none", channels=(4,))])
def test_fronts_that_do_not_exist_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="front"):
        ConvolutionalFront(bins=BINS, size=SIZE, **wrong)
