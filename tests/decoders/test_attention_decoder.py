"""A step against TFA's AttentionWrapper; a whole target at once against a loop over steps, and automatic gradients."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.groups.attention import ATTENTIONS
from seq2seq.decoders.attention_decoder import AttentionDecoder, AttentionOptions, _Masks
from seq2seq.keras2 import keras
from seq2seq.layers.attention.mechanism import Memory
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.state import LSTMState
from tests.addons import needs_addons, tfa
from tests.closeness import assert_all_close, assert_close, assert_gradients_close
from tests.layers.attention.tfa_mechanisms import CLASSES, tfa_mechanism

B, S, T, E, UNITS, A, D = 3, 5, 4, 7, 6, 8, 9
LENGTH = np.array([5, 1, 3], np.int32)
LOCATION = dict(location_filters=2, location_width=3)
ALL = CellOptions(use_peepholes=True, num_proj=4, cell_clip=0.5, proj_clip=0.4, layer_norm=True)

CASES = {
    **{kind: dict(attention=dict(kind=kind)) for kind in ATTENTIONS},
    **{f"{kind}, unscaled": dict(attention=dict(kind=kind, scaled=False)) for kind in ATTENTIONS},
    "location, smooth window": dict(attention=dict(kind="location", smoothing=True, window=1)),
    "no tanh": dict(attention=dict(tanh=False)),
    "three residual layers": dict(layers=3, residual=True),
    "every option of the cell, two layers": dict(attention=dict(kind="location"), layers=2, options=ALL),
}


def random(rng: np.random.Generator, *shape: int) -> tf.Tensor:
    return tf.constant(rng.normal(size=shape), tf.float32)


def build(case: str, input_feeding: bool = True) -> AttentionDecoder:
    keras.utils.set_random_seed(0)
    options = {"layers": 1, "attention": {}, **CASES[case]}
    attention = dict(options.pop("attention"))
    kind = attention.pop("kind", "luong")
    of_kind = {name: attention.pop(name) for name in ("smoothing", "window") if name in attention}
    if kind == "location":
        of_kind.update(LOCATION)
    attention["mechanism"] = partial(ATTENTIONS[kind].target, **of_kind)
    decoder = AttentionDecoder(
        units=UNITS,
        input_depth=E,
        memory_depth=D,
        attention=AttentionOptions(size=A, **attention),
        input_feeding=input_feeding,
        **options,
    )
    rng = np.random.default_rng(1)
    for weight in decoder.trainable_variables:
        weight.assign(rng.normal(0.0, 0.5, weight.shape))
    return decoder


def states_of(decoder: AttentionDecoder, rng: np.random.Generator) -> tuple[LSTMState, ...]:
    return tuple(LSTMState(*(random(rng, B, n) for n in cell.state_size)) for cell in decoder.cell.cells)


def step_by_step(
    decoder: AttentionDecoder,
    inputs: tf.Tensor,
    states: tuple[LSTMState, ...],
    memory: Memory,
    masks: _Masks,
) -> tuple[tf.Tensor, tf.Tensor]:
    state, outputs = decoder.initial_state(states, memory), []
    for t in range(inputs.shape[0]):
        features, state = decoder.step(inputs[t], state, memory, masks.at(t))
        outputs.append((features, state.alignments))
    return tuple(map(tf.stack, zip(*outputs)))  # type: ignore[return-value]


@pytest.mark.parametrize("input_feeding", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_the_whole_equals_step_by_step(case: str, input_feeding: bool) -> None:
    decoder = build(case, input_feeding)
    rng = np.random.default_rng(0)
    inputs, memory, states = random(rng, T, B, E), random(rng, B, S, D), states_of(decoder, rng)
    weights, alignment_weights = random(rng, T, B, A), random(rng, T, B, S)
    masks = _Masks((None,) * len(states), (None,) * len(states), None)
    assert_same_over_whole_target(decoder, inputs, memory, states, masks, weights, alignment_weights)


@needs_addons
@pytest.mark.parametrize("input_feeding", [True, False])
@pytest.mark.parametrize("kind", CLASSES)
def test_steps_are_those_of_addons(kind: str, input_feeding: bool) -> None:
    decoder = build(kind, input_feeding)
    rng = np.random.default_rng(0)
    inputs, values, states = random(rng, T, B, E), random(rng, B, S, D), states_of(decoder, rng)
    masks = _Masks((None,), (None,), None)
    found = step_by_step(decoder, inputs, states, decoder.prepare(values, LENGTH), masks)
    mechanism = tfa_mechanism(kind, decoder.mechanism, values, LENGTH)
    wrapper = tfa.seq2seq.AttentionWrapper(
        decoder.cell,
        mechanism,
        attention_layer=decoder.attention_layer,
        cell_input_fn=None if input_feeding else lambda inputs, attention: inputs,
    )
    state = wrapper.get_initial_state(batch_size=B, dtype=tf.float32).clone(cell_state=states)
    for t in range(T):
        attention, state = wrapper(inputs[t], state)
        assert_close(found[0][t], attention)
        assert_close(found[1][t], state.alignments)


@pytest.mark.parametrize("time", [1, T])
@pytest.mark.parametrize("input_feeding", [True, False])
def test_with_dropout_too(time: int, input_feeding: bool) -> None:
    decoder = build("three residual layers", input_feeding)
    rng = np.random.default_rng(2)
    inputs, memory, states = random(rng, T, B, E), random(rng, B, S, D), states_of(decoder, rng)

    def mask(size: int) -> tf.Tensor:
        return tf.constant(rng.integers(0, 2, [time, B, size]) * 2.0, tf.float32)

    masks = _Masks(tuple(mask(UNITS) for _ in states), tuple(mask(UNITS) for _ in states), mask(A))
    weights, alignment_weights = random(rng, T, B, A), random(rng, T, B, S)
    assert_same_over_whole_target(decoder, inputs, memory, states, masks, weights, alignment_weights)


def assert_same_over_whole_target(
    decoder: AttentionDecoder,
    inputs: tf.Tensor,
    memory: tf.Tensor,
    states: tuple[LSTMState, ...],
    masks: _Masks,
    weights: tf.Tensor,
    alignment_weights: tf.Tensor,
) -> None:
    """Features, alignments and every gradient, also the one that comes in through the alignments."""

    def whole(decoder, *arguments):  # type: ignore[no-untyped-def]
        decode = decoder._with_feeding if decoder.input_feeding else decoder._without_feeding
        return decode(*arguments)

    watched = [inputs, memory, *tf.nest.flatten(states)]
    results = []
    for run in (whole, step_by_step):
        with tf.GradientTape() as tape:
            tape.watch(watched)
            found = run(decoder, inputs, states, decoder.prepare(memory, LENGTH), masks)
            loss = tf.reduce_sum(weights * tf.sin(found[0])) + tf.reduce_sum(alignment_weights * found[1])
        sources = [*watched, *decoder.trainable_variables]
        results.append((found, tape.gradient(loss, sources, unconnected_gradients="zero")))
    (found, gradients), (expected, expected_gradients) = results
    assert_all_close(found, expected)
    assert_gradients_close(gradients, expected_gradients)


@pytest.mark.parametrize("kind", sorted(set(ATTENTIONS) - {"none"}))
def test_alignments_are_on_real_positions_only(kind: str) -> None:
    decoder = build(kind)
    rng = np.random.default_rng(1)
    memory = decoder.prepare(random(rng, B, S, D), LENGTH)
    alignments = decoder(random(rng, B, T, E), states_of(decoder, rng), memory).alignments
    if "monotonic" not in kind:  # those may leave some weight to no position
        assert_close(tf.reduce_sum(alignments, -1), np.ones([B, T]))
    for b, n in enumerate(LENGTH):
        assert np.any(alignments[b, :, :n])
        np.testing.assert_array_equal(alignments[b, :, n:], np.zeros([T, S - n]))
