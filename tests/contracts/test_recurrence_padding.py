"""Contract 1 of the recurrence alone: what pads an example, and who shares its batch, changes nothing of it.

Properties are searched by hypothesis over lengths, permutations, batch mates, amounts of padding and what lies in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from seq2seq.masking import MaskingPolicy
from seq2seq.state import States
from tests.contracts.cells import STACKS, D, Stack, build, cells_of, quick_and_slow, random_states, read, ways
from tests.contracts.conftest import Proven

PADDED = [policy for policy in MaskingPolicy if policy is not MaskingPolicy.NONE]
LENGTH = st.integers(1, 4)


class Batch(NamedTuple):
    """Some of ``lengths`` belong to the examples that are looked at, the others to their mates.

    Attributes:
      lengths: of all rows.
      rows: where the examples are found, in their order.
      extra: columns of padding past the longest row.
      garbage: what lies in the padding, times a random number.
    """

    lengths: list[int]
    rows: list[int]
    extra: int
    garbage: float


@st.composite
def batches(draw: st.DrawFn) -> tuple[Batch, Batch]:
    """The examples by themselves, as tight as can be, and the same somewhere else."""
    lengths = draw(st.lists(LENGTH, min_size=1, max_size=4))
    mates = draw(st.lists(LENGTH, max_size=3))
    order = draw(st.permutations(range(len(lengths) + len(mates))))
    everywhere = [(lengths + mates)[k] for k in order]
    rows = [order.index(k) for k in range(len(lengths))]
    extra, garbage = draw(st.integers(0, 2)), draw(st.sampled_from([0.0, 1.0, 1e4]))
    return Batch(lengths, list(range(len(lengths))), 0, 0.0), Batch(everywhere, rows, extra, garbage)


def seen(stack: Stack, batch: Batch) -> tuple[np.ndarray, np.ndarray, States]:
    """The inputs, the weights of the loss and the initial states: of each example always the same."""
    time = max(batch.lengths) + batch.extra
    rng = np.random.default_rng(9)
    inputs = rng.normal(size=(len(batch.lengths), time, D)) * batch.garbage
    starts = [
        tf.nest.map_structure(lambda x: x.numpy(), random_states(stack, rng, rows=1)) for _ in batch.lengths
    ]
    for example, row in enumerate(batch.rows):
        rng = np.random.default_rng([10, example])
        inputs[row, : batch.lengths[row]] = rng.normal(size=(batch.lengths[row], D))
        starts[row] = tf.nest.map_structure(lambda x: x.numpy(), random_states(stack, rng, rows=1))
    counts = np.zeros(len(batch.lengths))
    counts[batch.rows] = 1.0
    initial = tf.nest.map_structure(lambda *parts: tf.constant(np.concatenate(parts)), *starts)
    return inputs, counts, initial


def run(reader: Any, stack: Stack, batch: Batch, *, visible: bool = True) -> tuple[list[Any], Any]:
    """Of each example its outputs, states and gradients, and the gradient of the sum of their losses by the weights."""
    inputs, counts, initial = seen(stack, batch)
    inputs, counts = tf.constant(inputs, tf.float32), tf.constant(counts, tf.float32)
    length = tf.constant(batch.lengths if visible else [inputs.shape[1]] * len(batch.lengths))
    variables = [cell.trainable_variables for cells in cells_of(reader) for cell in cells]
    with tf.GradientTape() as tape:
        tape.watch([inputs, initial])
        outputs, states = read(reader, inputs, length, initial)
        real = tf.sequence_mask(batch.lengths, outputs.shape[1], tf.float32)[..., tf.newaxis]
        losses = tf.reduce_sum(tf.sin(outputs + 1.0) * real, [1, 2])
        losses += tf.add_n([tf.reduce_sum(tf.sin(part - 1.0), 1) for part in tf.nest.flatten(states)])
        loss = tf.reduce_sum(losses * counts)
    by_inputs, by_initial, by_weights = tape.gradient(loss, (inputs, initial, variables))
    for b, n in enumerate(batch.lengths):
        assert not visible or not np.any(outputs[b, n:])
        assert not visible or not np.any(by_inputs[b, n:])
    examples = [
        (
            outputs[row, :n],
            by_inputs[row, :n],
            tf.nest.map_structure(lambda x, row=row: x[row], (states, by_initial)),
        )
        for row, n in ((row, batch.lengths[row]) for row in batch.rows)
    ]
    return examples, by_weights


def difference(one: Any, other: Any) -> float:
    """The largest, relative to the largest number of each array (or to 1)."""
    pairs = zip(tf.nest.flatten(one), tf.nest.flatten(other))
    return max(float(np.max(np.abs(a - b)) / max(1.0, np.max(np.abs(a)))) for a, b in pairs)


def assert_independent(stack: Stack, reader: Any) -> None:
    @seed(STACKS.index(stack))  # each searches elsewhere
    @settings(max_examples=3, deadline=None, derandomize=True)
    @given(batches())
    def holds(pair: tuple[Batch, Batch]) -> None:
        (alone, alone_by_weights), (mixed, mixed_by_weights) = (run(reader, stack, batch) for batch in pair)
        assert difference(alone, mixed) < 1e-5
        assert difference(alone_by_weights, mixed_by_weights) < 1e-5

    holds()


@pytest.mark.parametrize("stack", quick_and_slow(STACKS), ids=str)
def test_an_example_is_alone_in_the_world(stack: Stack, proven: Proven) -> None:
    for way, policies in ways(stack, PADDED).items():
        assert_independent(stack, build(stack, way.kernel))
        proven("independent of padding and batch mates", stack, policies)


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack.depth == "1 layer"], ids=str)
def test_without_masking_padding_changes_results(stack: Stack) -> None:
    """The contract can fail."""
    reader = build(stack)
    results = [run(reader, stack, Batch([3, 5], [0, 1], extra, 1.0), visible=False) for extra in (0, 2)]
    assert difference(*results) > 1e-3
