"""Contract 1 with `hardware.precision=bfloat16`, which TensorFlow rewrites graphs to: the products, and what is between
them, are rounded to 8 bits of mantissa.

Nothing of an example is a sum over its batch mates, so padding and batch mates still change hardly anything: with
AVX512-BF16 5e-7 of an array's largest number was measured, and mostly nothing at all. A gradient by a weight is such a
sum, rounded once, where each example's own gradient is rounded by itself: 0.7 % of the largest number was measured, two
units in the last place.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.datasets.batches.pairs import Batch
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.hardware.devices import bfloat16_obstacle
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.tasks.translation.training import translation_loss
from tests.contracts.test_padding import batch_of, examples, teach
from tests.contracts.variants import build

OPTION = "auto_mixed_precision_onednn_bfloat16"
OF_AN_EXAMPLE, OF_A_SUM = 2**-10, 2**-6
"""Tolerances, relative to the largest number of an array."""


@pytest.fixture
def bfloat16() -> Iterator[None]:
    if obstacle := bfloat16_obstacle():
        pytest.skip(obstacle)
    before = tf.config.optimizer.get_experimental_options().get(OPTION, False)
    tf.config.optimizer.set_experimental_options({OPTION: True, "disable_meta_optimizer": False})
    yield
    tf.config.optimizer.set_experimental_options({OPTION: before, "disable_meta_optimizer": True})


def graph_of(model: EncoderDecoder) -> tf.types.experimental.PolymorphicFunction:
    def run(batch: Batch) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Memory, features, alignments and loss; and the gradients."""
        with tf.GradientTape() as tape:
            loss = translation_loss(model, batch, training=True, label_smoothing=0.1).total
        gradients = tape.gradient(loss, model.trainable_variables, unconnected_gradients="zero")
        encoded = model.encode(batch.source_ids, batch.source_length)
        decoded = model.decode(encoded, batch.target_inputs)
        return [encoded.memory, *decoded, loss], list(map(tf.convert_to_tensor, gradients))

    return tf.function(run, input_signature=[SIGNATURE], autograph=False)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.max(np.abs(one - other)) / np.max(np.abs(one)))


@pytest.mark.parametrize("name", ["luong", "every option of the cell, copied state"])
def test_padding_and_batch_mates_in_bfloat16(name: str, bfloat16: None) -> None:
    model, pairs = build(name), examples()
    run = graph_of(model)
    (*together, loss), gradients = run(batch_of(pairs))
    (*padded, padded_loss), padded_gradients = run(batch_of(pairs, extra=4))
    alone = [run(batch_of([pair])) for pair in pairs]

    in_float32 = teach(model, batch_of(pairs))
    assert (
        difference(in_float32.examples[0]["memory"], together[0][0, : len(pairs[0][0])]) > 2**-10
    )  # it acts

    for b, (source, target) in enumerate(pairs):
        s, t = len(source), len(target) + 1
        real = (np.s_[:s], np.s_[:t], np.s_[:t, :s])  # of memory, features, alignments
        for others in ([values[b] for values in padded], [values[0] for values in alone[b][0][:-1]]):
            for one, other, part in zip(together, others, real):
                assert difference(one[b][part], other[part]) < OF_AN_EXAMPLE
    assert difference(loss, padded_loss) < OF_AN_EXAMPLE
    assert difference(loss, sum(values[-1] for values, _ in alone)) < OF_AN_EXAMPLE
    for k, gradient in enumerate(gradients):
        assert difference(gradient, padded_gradients[k]) < OF_A_SUM
        assert difference(gradient, sum(by_weights[k] for _, by_weights in alone)) < OF_A_SUM
