"""The gradient of the joint loss of speech is the slope of the loss as papers write it, by central differences."""

from __future__ import annotations

from typing import Callable

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.datasets.batches.speech import SpeechBatch
from seq2seq.keras2 import keras
from seq2seq.tasks.speech.loss import speech_loss
from seq2seq.tasks.speech.model import SpeechModel
from tests.contracts.ctc_paths import log_softmax
from tests.layers.test_ctc import log_forward
from tests.tasks.test_speech import EXAMPLES, batch_of, examples
from tests.tiny_speech import TOKENIZER, tiny_model

STEP = 0.003
"""Length of a step, in units of the size of the weights that move.

The model is float32, so the losses (28 to 103 nats) are known to about 1e-7 of their value, although all behind the
logits is float64 here: a difference quotient of steps of 0.003 to both sides is off by up to 1e-3 nats, and a hundredth
of that as measured. Its other error grows with the square of the step; measured, 0.01 is off by
0.2 % of the slope in the encoder (whose ReLUs have kinks), 0.003 by 0.1 %, and 0.001 is within the rounding.
"""

RELATIVE, ABSOLUTE = 5e-3, 2e-4
"""Several times both errors; a CTC weight of 0.31 in place of 0.3 moves the slope along the CTC projection by 3 %."""

SMOOTHING = 0.1


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return tiny_model()


@pytest.fixture(scope="module")
def batch() -> SpeechBatch:
    return batch_of(examples(*EXAMPLES))


@pytest.fixture(scope="module")
def parts(model: SpeechModel, batch: SpeechBatch) -> Callable[[], tuple[float, float]]:
    """CTC and smoothed cross entropy of the batch, sums; float32 up to the logits, float64 from there."""
    length = model.encode(batch.waveforms, batch.waveform_length).memory_length.numpy()
    rows = [(row, int(steps) - 1) for row, steps in enumerate(batch.target_length)]
    call = tf.function(lambda: model(batch.waveforms, batch.waveform_length, batch.target_inputs))

    def run() -> tuple[float, float]:
        decoder, encoder = (log_softmax(logits.numpy().astype(np.float64)) for logits in call())
        outputs = batch.target_outputs.numpy()
        ctc = sum(log_forward(encoder[row, : length[row]], outputs[row, :count]) for row, count in rows)
        cross_entropy = 0.0
        for row, count in rows:
            found = decoder[row, : count + 1]
            wanted = np.take_along_axis(found, outputs[row, : count + 1, None], axis=1).sum()
            cross_entropy -= (1.0 - SMOOTHING) * wanted + SMOOTHING * found.mean(axis=1).sum()
        return -ctc, cross_entropy

    return run


def layers(model: SpeechModel) -> dict[str, keras.layers.Layer]:
    return {
        "encoder": model.encoder,
        "CTC": model.ctc_projection,
        "embedding": model.target_embedding,
        "bridge": model.bridge,
        "decoder": model.decoder,
        "output": model.output_projection,
    }


@pytest.fixture(scope="module")
def gradients(model: SpeechModel, batch: SpeechBatch) -> dict[float, dict[int, np.ndarray]]:
    """By CTC's weight, and the variable's id."""
    return {weight: gradients_of(model, batch, weight) for weight in (0.0, 0.3, 1.0)}


def gradients_of(model: SpeechModel, batch: SpeechBatch, weight: float) -> dict[int, np.ndarray]:
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        loss = speech_loss(
            model, batch, True, ctc_weight=weight, blank_id=TOKENIZER.pad_id, label_smoothing=SMOOTHING
        )
    found = tape.gradient(loss.joint.total, variables, unconnected_gradients="zero")
    return {id(variable): tf.convert_to_tensor(value).numpy() for variable, value in zip(variables, found)}


def test_every_weight_is_of_some_layer(model: SpeechModel) -> None:
    moved = [id(variable) for layer in layers(model).values() for variable in layer.trainable_variables]
    assert sorted(moved) == sorted(id(variable) for variable in model.trainable_variables)


@pytest.mark.parametrize("name", ["encoder", "CTC", "embedding", "bridge", "decoder", "output"])
def test_gradient_is_the_slope(
    model: SpeechModel,
    gradients: dict[float, dict[int, np.ndarray]],
    parts: Callable[[], tuple[float, float]],
    name: str,
) -> None:
    """Along one random direction of the weights of a layer; CTC and cross entropy are measured once for all weights."""
    variables = layers(model)[name].trainable_variables
    before = [variable.numpy() for variable in variables]
    rng = np.random.default_rng(1)
    direction = [
        rng.standard_normal(value.shape).astype(np.float32) * (np.sqrt(np.mean(value**2)) + 0.01)
        for value in before
    ]
    ends = []
    for sign in (1.0, -1.0):
        for variable, value, along in zip(variables, before, direction):
            variable.assign(value + sign * STEP * along)
        ends.append(parts())
    for variable, value in zip(variables, before):
        variable.assign(value)
    ctc, cross_entropy = (np.array(ends[0]) - np.array(ends[1])) / (2.0 * STEP)
    assert max(abs(ctc), abs(cross_entropy)) > 10.0 * ABSOLUTE

    for weight, found in gradients.items():
        slope = sum(
            float(np.sum(along * found[id(variable)])) for variable, along in zip(variables, direction)
        )
        expected = weight * ctc + (1.0 - weight) * cross_entropy
        np.testing.assert_allclose(slope, expected, rtol=RELATIVE, atol=ABSOLUTE)
