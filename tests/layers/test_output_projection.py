"""Logits and losses against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.layers.embedding import Embedding
from seq2seq.layers.output_projection import CHUNK, OutputProjection
from tests.closeness import assert_all_close, assert_close, assert_gradients_close

N, V, DEPTH = 6, 11, 5


@pytest.mark.parametrize("shared", ["none", "same depth", "other depth"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_losses_equal_numpy(shared: str, label_smoothing: float) -> None:
    embedding = None if shared == "none" else Embedding(V, DEPTH if shared == "same depth" else 3)
    layer = OutputProjection(V, DEPTH, shared=embedding)
    rng = np.random.default_rng(0)
    layer.bias.assign(rng.normal(size=V))
    inputs, targets = rng.normal(size=(N, DEPTH)).astype(np.float32), rng.integers(0, V, N).astype(np.int32)
    losses = layer.token_losses(tf.constant(inputs), tf.constant(targets), label_smoothing)

    features = inputs if layer.adapter is None else inputs @ layer.adapter.kernel.numpy()
    logits = (features @ layer.table.numpy().T + layer.bias.numpy()).astype(np.float64)
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    wanted = np.full((N, V), label_smoothing / V)
    wanted[np.arange(N), targets] += 1.0 - label_smoothing
    assert_close(layer(tf.constant(inputs)), logits)
    assert_close(losses.cross_entropy, -log_probs[np.arange(N), targets])
    assert_close(losses.smoothed, -(wanted * log_probs).sum(-1))


def test_a_shared_table_is_one_variable() -> None:
    embedding = Embedding(V, DEPTH)
    layer = OutputProjection(V, DEPTH, shared=embedding)
    assert layer.table is embedding.table
    assert [v.name for v in layer.trainable_variables if "table" in v.name] == [embedding.table.name]


@pytest.mark.parametrize("count", [0, 1, CHUNK, 2 * CHUNK + 3])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_sums_and_their_gradients_equal_those_of_the_losses(count: int, label_smoothing: float) -> None:
    layer = OutputProjection(V, DEPTH, shared=Embedding(V, 3))  # with an adapter
    rng = np.random.default_rng(count)
    layer.bias.assign(rng.normal(size=V))
    inputs = tf.constant(rng.normal(size=(count, DEPTH)), tf.float32)
    targets = tf.constant(rng.integers(0, V, count), tf.int32)
    layer(inputs)

    def of_losses() -> tuple[tf.Tensor, tf.Tensor]:
        losses = layer.token_losses(inputs, targets, label_smoothing)
        return tf.reduce_sum(losses.smoothed), tf.reduce_sum(losses.cross_entropy)

    results = []
    for run in (of_losses, lambda: layer.loss_sums(inputs, targets, label_smoothing)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            smoothed, cross_entropy = run()
            scaled = 0.3 * smoothed
        gradients = tape.gradient(scaled, [inputs, *layer.trainable_variables, layer.table])
        results.append(((smoothed, cross_entropy), [tf.convert_to_tensor(each) for each in gradients]))
    (expected, expected_gradients), (sums, gradients) = results
    assert_all_close(sums, expected)
    assert_gradients_close(gradients, expected_gradients)
