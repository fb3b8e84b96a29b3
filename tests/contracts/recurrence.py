"""What a recurrence gives, and its gradients, to be compared with an oracle's: whole arrays."""

from __future__ import annotations

import functools
from typing import Any, Callable, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.layers.lstm_cell import LSTMCell
from seq2seq.layers.tf1_weights import cell_arrays
from seq2seq.state import States
from tests.closeness import assert_all_close, assert_gradients_close, scale_of
from tests.contracts.cells import (
    B,
    D,
    Stack,
    T,
    Way,
    build,
    cells_of,
    normal,
    random_states,
    read,
)

LENGTHS = {"loop": [4, 1, 0, 3], "keras": [4, 1, 2, 3]}  # Keras' kernel takes no empty row


class Outcome(NamedTuple):
    """What two implementations must agree on. ``by_weights``: by layer, direction and our names."""

    outputs: tf.Tensor
    states: States
    by_inputs: tf.Tensor
    by_states: Any
    by_weights: list[list[dict[str, np.ndarray]]]


class Case(NamedTuple):
    """What is read. ``length`` is None where padding is data; ``initial`` is empty where a stack starts from zeros."""

    inputs: tf.Tensor
    length: tf.Tensor | None
    initial: States


def case(stack: Stack, way: Way) -> Case:
    rng = np.random.default_rng(5)
    length = tf.constant(LENGTHS[way.kernel]) if way.masked else None
    return Case(normal(rng, B, T, D), length, random_states(stack, rng))


def outcome(
    run: Callable[[tf.Tensor, States], tuple[tf.Tensor, States]], read_case: Case, variables: Any
) -> Outcome:
    """Runs and differentiates a sum with random weights, the same for all implementations."""
    inputs, _, initial = read_case
    with tf.GradientTape() as tape:
        tape.watch([inputs, initial])
        outputs, states = run(inputs, initial)
        rng = np.random.default_rng(6)
        loss = tf.add_n(
            [tf.reduce_sum(value * normal(rng, *value.shape)) for value in tf.nest.flatten((outputs, states))]
        )
    by_inputs, by_states, by_weights = tape.gradient(loss, (inputs, initial, variables))
    return Outcome(outputs, states, by_inputs, by_states, by_weights)


def own_variables(layers: list[list[LSTMCell]]) -> list[list[dict[str, tf.Variable]]]:
    return [[{name: getattr(cell, name) for name in cell_arrays(cell)} for cell in cells] for cells in layers]


@functools.cache
def own_outcome(stack: Stack, way: Way) -> tuple[list[list[LSTMCell]], Outcome]:
    """Our cells, and what they give; every oracle asks for the same."""
    reader, read_case = build(stack, way.kernel), case(stack, way)
    length = tf.fill([B], T) if read_case.length is None else read_case.length
    layers = cells_of(reader)
    run = lambda inputs, initial: read(reader, inputs, length, initial)  # noqa: E731
    return layers, outcome(run, read_case, own_variables(layers))


def assert_same(ours: Outcome, theirs: Outcome) -> None:
    assert_all_close(ours[:2], theirs[:2], name="outputs, states")
    assert_gradients_close(ours[2:], theirs[2:], name="gradients")
    assert all(scale_of(array) > 1e-3 for array in tf.nest.flatten(theirs))
