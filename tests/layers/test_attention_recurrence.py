"""The recurrence with its gradient by hand against a loop over TFA's AttentionWrapper and automatic gradients."""

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.decoders.attention_decoder import AttentionDecoder, _Masks
from seq2seq.state import LSTMState

B, S, T, E, UNITS, A, D = 3, 5, 4, 7, 6, 8, 9
LENGTH = np.array([5, 1, 3], np.int32)


def random(rng: np.random.Generator, *shape: int) -> tf.Tensor:
    return tf.constant(rng.normal(size=shape), tf.float32)


def mask(rng: np.random.Generator, *shape: int) -> tf.Tensor:
    return tf.constant(rng.integers(0, 2, size=shape) * 2.0, tf.float32)


@pytest.mark.parametrize("mask_time", [None, 1, T])
@pytest.mark.parametrize("tanh", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_equals_the_wrapper_step_by_step(mask_time: int, tanh: bool, scaled: bool) -> None:
    tf.keras.utils.set_random_seed(0)
    decoder = AttentionDecoder(
        layers=1,
        units=UNITS,
        input_depth=E,
        memory_depth=D,
        attention_size=A,
        attention_tanh=tanh,
        attention_scaled=scaled,
    )
    if scaled:
        decoder.mechanism.scale_weight.assign(1.7)
    rng = np.random.default_rng(0)
    inputs, memory = random(rng, T, B, E), random(rng, B, S, D)
    state = LSTMState(random(rng, B, UNITS), random(rng, B, UNITS))
    weights = random(rng, T, B, A)
    masks = _Masks((None,), (None,), None)
    if mask_time is not None:
        masks = _Masks(
            (mask(rng, mask_time, B, UNITS),), (mask(rng, mask_time, B, UNITS),), mask(rng, mask_time, B, A)
        )

    results = []
    for run in (decoder._one_recurrence, decoder._stepwise):
        with tf.GradientTape() as tape:
            tape.watch([inputs, memory, *state])
            features, alignments = run(inputs, (state,), decoder.prepare(memory, LENGTH), masks)
            loss = tf.reduce_sum(weights * tf.sin(features))
        watched = [inputs, memory, *state, *decoder.trainable_variables]
        results.append(([features, alignments], tape.gradient(loss, watched)))
    for ours, wrapper in zip(*results):
        for a, b in zip(ours, wrapper):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    assert len(decoder.trainable_variables) == (6 if scaled else 5)


def test_alignments_are_distributions_over_real_positions() -> None:
    decoder = AttentionDecoder(layers=1, units=UNITS, input_depth=E, memory_depth=D, attention_size=A)
    rng = np.random.default_rng(1)
    state = LSTMState(random(rng, B, UNITS), random(rng, B, UNITS))
    alignments = decoder(
        random(rng, B, T, E), (state,), decoder.prepare(random(rng, B, S, D), LENGTH)
    ).alignments
    np.testing.assert_allclose(tf.reduce_sum(alignments, -1), np.ones([B, T]), rtol=1e-6)
    for b, n in enumerate(LENGTH):
        np.testing.assert_array_equal(alignments[b, :, n:], np.zeros([T, S - n]))
