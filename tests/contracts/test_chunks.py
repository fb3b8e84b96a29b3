"""Contract 3 of the recurrence: a sequence read window by window, the state carried from one to the next, is the whole.

A row that has ended in an earlier window has length 0 in the later ones. Forward alone: backward, the last window would
come first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.errors import UserError
from seq2seq.state import LSTMState, States, reset_rows, stack_to_tf1
from tests.closeness import assert_all_close, assert_gradients_close
from tests.contracts.cells import (
    STACKS,
    D,
    Stack,
    build,
    normal,
    quick_and_slow,
    random_states,
    read,
    ways,
)
from tests.contracts.conftest import Proven

FORWARD = [stack for stack in STACKS if stack.direction == "forward"]
PLAIN = Stack("plain", "forward", "2 layers")
GENERAL = Stack("layer_norm, peepholes, projection", "forward", "2 layers")


class Split(NamedTuple):
    """Rows of ``lengths``, cut before the steps in ``cuts``, from 1 to the longest."""

    lengths: list[int]
    cuts: list[int]

    def windows(self) -> list[tuple[slice, list[int]]]:
        """The steps of each window, and how many of them each row has."""
        bounds = [0, *self.cuts, max(self.lengths)]
        return [
            (slice(start, end), [min(max(n - start, 0), end - start) for n in self.lengths])
            for start, end in zip(bounds, bounds[1:])
        ]


@st.composite
def splits(draw: st.DrawFn, *, ragged: bool) -> Split:
    """``ragged``: rows end anywhere, or are empty, except for the first; else all are of its length."""
    longest = draw(st.integers(2, 6))
    others = draw(st.lists(st.integers(0, longest) if ragged else st.just(longest), max_size=3))
    cuts = draw(st.sets(st.integers(1, longest - 1), min_size=1, max_size=4))
    return Split([longest, *others], sorted(cuts))


def in_windows(reader: Any, split: Split, inputs: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
    outputs = []
    for steps, lengths in split.windows():
        output, states = read(reader, inputs[:, steps], tf.constant(lengths), states)
        outputs.append(output)
    return tf.concat(outputs, 1), states


def assert_windows_are_the_whole(stack: Stack, reader: Any, *, ragged: bool) -> None:
    @seed(STACKS.index(stack))  # each searches elsewhere
    @settings(max_examples=4, deadline=None, derandomize=True)
    @given(splits(ragged=ragged))
    def holds(split: Split) -> None:
        rng = np.random.default_rng(12)
        inputs = normal(rng, len(split.lengths), max(split.lengths), D)
        initial = random_states(stack, rng, len(split.lengths))
        whole = read(reader, inputs, tf.constant(split.lengths), initial)
        assert_all_close(in_windows(reader, split, inputs, initial), whole)

    holds()


@pytest.mark.parametrize("stack", quick_and_slow(FORWARD), ids=str)
def test_windows_are_the_whole(stack: Stack, proven: Proven) -> None:
    """Keras' kernel reads no empty row, and ``none`` knows no lengths: there, all rows end in the last window."""
    for way, policies in ways(stack).items():
        ragged = way.masked and way.kernel == "loop"
        assert_windows_are_the_whole(stack, build(stack, way.kernel), ragged=ragged)
        proven("the same in windows as in one", stack, policies)


@pytest.mark.parametrize("stack", [PLAIN, GENERAL], ids=str)
def test_the_gradient_passes_the_border_unless_it_is_stopped(stack: Stack) -> None:
    reader = build(stack)
    rng = np.random.default_rng(14)
    inputs, initial = normal(rng, 2, 5, D), random_states(stack, rng, 2)
    first, second = tf.constant([3, 2]), tf.constant([2, 0])

    def gradients(truncated: bool) -> tuple[tf.Tensor, States, Any]:
        with tf.GradientTape() as tape:
            tape.watch([inputs, initial])
            early, states = read(reader, inputs[:, :3], first, initial)
            if truncated:
                states = tf.nest.map_structure(tf.stop_gradient, states)
            late, final = read(reader, inputs[:, 3:], second, states)
            loss = tf.add_n([tf.reduce_sum(tf.sin(x)) for x in (early, late, *tf.nest.flatten(final))])
        return tape.gradient(loss, (inputs, initial, reader.trainable_variables))

    def of_one(window: tf.Tensor, lengths: tf.Tensor, states: States, final_counts: bool) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([window, states])
            outputs, final = read(reader, window, lengths, states)
            parts = [outputs, *(tf.nest.flatten(final) if final_counts else [])]
            loss = tf.add_n([tf.reduce_sum(tf.sin(x)) for x in parts])
        return tape.gradient(loss, (window, states, reader.trainable_variables))

    with tf.GradientTape() as tape:
        tape.watch([inputs, initial])
        outputs, final = read(reader, inputs, first + second, initial)
        loss = tf.add_n([tf.reduce_sum(tf.sin(x)) for x in (outputs, *tf.nest.flatten(final))])
    assert_gradients_close(
        gradients(truncated=False), tape.gradient(loss, (inputs, initial, reader.trainable_variables))
    )

    # Truncated, each window learns from its own steps alone.
    _, carried = read(reader, inputs[:, :3], first, initial)
    early, late = of_one(inputs[:, :3], first, initial, False), of_one(inputs[:, 3:], second, carried, True)
    summed = [a + b for a, b in zip(early[2], late[2])]
    assert_gradients_close(gradients(truncated=True), (tf.concat([early[0], late[0]], 1), early[1], summed))


@pytest.mark.parametrize("stack", [PLAIN, GENERAL], ids=str)
def test_rows_that_are_reset_begin_anew(stack: Stack) -> None:
    reader = build(stack)
    rng = np.random.default_rng(15)
    inputs, initial = normal(rng, 3, 5, D), random_states(stack, rng, 3)
    _, carried = read(reader, inputs[:, :2], [2, 2, 1], initial)
    rows = tf.constant([False, True, False])
    outputs, final = read(reader, inputs[:, 2:], [3, 3, 2], reset_rows(carried, rows))

    on, on_final = read(reader, inputs[:, 2:], [3, 3, 2], carried)
    anew, anew_final = read(reader, inputs[:, 2:], [3, 3, 2])
    for row, (wanted, wanted_final) in enumerate(((on, on_final), (anew, anew_final), (on, on_final))):
        ours, theirs = ((x[row], tf.nest.map_structure(lambda part, row=row: part[row], states))
                        for x, states in ((outputs, final), (wanted, wanted_final)))  # fmt: skip
        assert_all_close(ours, theirs)
    assert np.max(np.abs(on[1] - anew[1])) > 1e-2


def test_a_bidirectional_encoder_takes_no_states() -> None:
    stack = Stack("plain", "bidirectional", "1 layer")
    states = random_states(stack._replace(direction="forward"), np.random.default_rng(0), 2)
    with pytest.raises(
        UserError, match=r"^initial_states cannot be given to a bidirectional encoder: .*False\.$"
    ):
        build(stack)(tf.zeros([2, 3, D]), [3, 3], states)


@pytest.mark.parametrize(
    ("given_states", "said"),
    [
        (lambda states: states[0], "initial_states must be a tuple of 2 LSTMState"),
        (lambda states: states[:1], "initial_states is a tuple of 1, and there are 2 layers"),
        (lambda states: stack_to_tf1(states), r"initial_states\[0\] must be an LSTMState\(h, c\) and is TF1's"),
        (lambda states: (states[0], LSTMState(states[1].c, states[1].h)), r"initial_states\[1\]: h and c look swapped"),
    ],
)  # fmt: skip
def test_states_that_cannot_be_right(given_states: Any, said: str) -> None:
    encoder = build(GENERAL)
    assert isinstance(encoder, RecurrentEncoder)
    states = given_states(random_states(GENERAL, np.random.default_rng(0), 2))
    with pytest.raises(UserError, match=f"^{said}"):
        encoder(tf.zeros([2, 3, D]), [3, 3], states)
