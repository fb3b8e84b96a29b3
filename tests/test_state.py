"""Which part of a state is which, in everybody's order; Keras' layers and TF1's cells are the judges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.keras2 import keras, rnn_cell
from seq2seq.state import (
    LSTMState,
    check_stack,
    check_state,
    concatenate,
    from_keras,
    from_tf1,
    from_tf1_tensor,
    merge_directions,
    reset_rows,
    stack_from_keras,
    stack_from_tf1,
    stack_from_tf1_tensor,
    stack_to_keras,
    stack_to_tf1,
    stack_to_tf1_tensor,
    to_keras,
    to_tf1,
    to_tf1_tensor,
    zero_state,
)

pytestmark = pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning")  # deprecated, and the oracle
B, T, D = 2, 3, 2


def state(units: int, output_size: int, seed: float = 0.0) -> LSTMState:
    """Every number of it differs from every other."""
    h = tf.range(B * output_size, dtype=tf.float32) / 8 + seed
    c = -tf.range(B * units, dtype=tf.float32) / 8 - 1.0 - seed
    return LSTMState(h=tf.reshape(h, [B, output_size]), c=tf.reshape(c, [B, units]))


PLAIN, PROJECTED = state(2, 2), state(4, 3, seed=5.0)
STACK = (PLAIN, PROJECTED)


def assert_same(one: Any, other: Any) -> None:
    tf.nest.assert_same_structure(one, other)
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other)):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def session() -> Iterator[tf.compat.v1.Session]:
    with tf.Graph().as_default(), tf.compat.v1.Session() as opened:
        tf.compat.v1.set_random_seed(1)
        yield opened


def test_is_a_nest() -> None:
    doubled = tf.nest.map_structure(lambda x: 2 * x, PROJECTED)
    assert_same(doubled, LSTMState(h=2 * PROJECTED.h, c=2 * PROJECTED.c))
    assert [a is b for a, b in zip(tf.nest.flatten(PLAIN), (PLAIN.h, PLAIN.c))] == [True, True]

    @tf.function
    def grown(s: LSTMState) -> LSTMState:
        _, s = tf.while_loop(lambda t, _: t < 3, lambda t, s: (t + 1, LSTMState(h=s.h + s.h, c=s.c)), (0, s))
        return s

    assert_same(grown(PLAIN), LSTMState(h=8 * PLAIN.h, c=PLAIN.c))


def test_zero_state() -> None:
    assert_same(zero_state(3, 2), LSTMState(h=tf.zeros([3, 2]), c=tf.zeros([3, 2])))
    projected = zero_state(tf.constant(3), 4, 2, tf.bfloat16)
    assert_same(projected, LSTMState(h=tf.zeros([3, 2], tf.bfloat16), c=tf.zeros([3, 4], tf.bfloat16)))


# --- round trips ---


@pytest.mark.parametrize("s", STACK)
def test_round_trips_of_a_layer(s: LSTMState) -> None:
    units, output_size = s.c.shape[1], s.h.shape[1]
    assert_same(from_keras(to_keras(s)), s)
    assert_same(from_tf1(to_tf1(s)), s)
    assert_same(from_tf1(tuple(to_tf1(s))), s)
    assert_same(from_tf1_tensor(to_tf1_tensor(s), units, output_size), s)
    assert to_keras(s)[0] is s.h
    assert to_tf1(s)[0] is s.c
    assert type(to_tf1(s)) is rnn_cell.LSTMStateTuple


def test_round_trips_of_a_stack() -> None:
    assert_same(stack_from_keras(stack_to_keras(STACK)), STACK)
    assert_same(stack_from_keras([to_keras(s) for s in STACK]), STACK)
    assert_same(stack_from_tf1(stack_to_tf1(STACK)), STACK)
    assert_same(stack_from_tf1_tensor(stack_to_tf1_tensor(STACK), [2, 4], [2, 3]), STACK)
    assert [a is b for a, b in zip(stack_to_keras(STACK), (*PLAIN, *PROJECTED))] == [True] * 4


def test_the_concatenated_tensor_begins_with_c() -> None:
    np.testing.assert_array_equal(
        to_tf1_tensor(LSTMState(h=tf.constant([[1.0, 2.0]]), c=tf.constant([[-1.0, -2.0, -3.0]]))),
        [[-1.0, -2.0, -3.0, 1.0, 2.0]],
    )


# --- Keras' layers ---


def test_keras_layer() -> None:
    layer = keras.layers.LSTM(2, return_state=True)
    x = tf.random.stateless_normal([B, T, D], [1, 2])
    outputs, *states = layer(x, initial_state=to_keras(PLAIN))
    np.testing.assert_array_equal(from_keras(states).h, outputs)
    _, stepped = layer.cell(x[:, 0], to_keras(PLAIN))
    _, *once = layer(x[:, :1], initial_state=to_keras(PLAIN))
    assert_same(from_keras(stepped), from_keras(once))
    _, *swapped = layer(x, initial_state=to_keras(PLAIN)[::-1])
    assert np.abs(swapped[0] - states[0]).max() > 1e-3  # so that an order that is wrong would show


def test_keras_stack() -> None:
    layer = keras.layers.RNN([keras.layers.LSTMCell(2), keras.layers.LSTMCell(3)], return_state=True)
    outputs, *states = layer(tf.ones([B, T, D]))
    first, second = stack_from_keras(states)
    assert [tuple(part.shape) for part in (*first, *second)] == [(B, 2), (B, 2), (B, 3), (B, 3)]
    np.testing.assert_array_equal(second.h, outputs)


def test_keras_bidirectional() -> None:
    layer = keras.layers.Bidirectional(keras.layers.LSTM(2, return_state=True))
    x = tf.random.stateless_normal([B, T, D], [1, 2])
    given = (PLAIN, state(2, 2, seed=3.0))
    outputs, *states = layer(x, initial_state=stack_to_keras(given))
    forward, backward = stack_from_keras(states)
    np.testing.assert_array_equal(merge_directions(forward, backward).h, outputs)
    _, *alone = layer.backward_layer(x, initial_state=to_keras(given[1]))
    assert_same(backward, from_keras(alone))


# --- TF1's cells ---


@pytest.mark.parametrize("num_proj", [None, 3])
@pytest.mark.parametrize("tuples", [True, False])
def test_tf1_cell(session: tf.compat.v1.Session, num_proj: int | None, tuples: bool) -> None:
    """Given (c, h) the cell's output is its next h, and with the forget gate open, its next c is near c."""
    cell = rnn_cell.LSTMCell(4, num_proj=num_proj, state_is_tuple=tuples, forget_bias=50.0)
    given = state(4, num_proj or 4)
    given = LSTMState(*(tf.constant(session.run(part)) for part in given))
    outputs, states = cell(tf.ones([B, D]), to_tf1(given) if tuples else to_tf1_tensor(given))
    after = from_tf1(states) if tuples else from_tf1_tensor(states, 4, num_proj)
    session.run(tf.compat.v1.global_variables_initializer())
    output, after, before = session.run([outputs, after, given])
    np.testing.assert_array_equal(after.h, output)
    assert after.c.shape == (B, 4)
    assert np.abs(after.c - before.c).max() <= 1.0  # what the input gate may add
    assert np.abs(after.c[:, :3] - before.h[:, :3]).max() > 1.0


@pytest.mark.parametrize("tuples", [True, False])
def test_tf1_stack(session: tf.compat.v1.Session, tuples: bool) -> None:
    cells = [
        rnn_cell.BasicLSTMCell(2, state_is_tuple=tuples, forget_bias=50.0),
        rnn_cell.LSTMCell(4, num_proj=3, state_is_tuple=tuples, forget_bias=50.0),
    ]
    cell = rnn_cell.MultiRNNCell(cells, state_is_tuple=tuples)
    given = (state(2, 2), state(4, 3, seed=5.0))
    outputs, states = tf.compat.v1.nn.dynamic_rnn(
        cell, tf.ones([B, T, D]), initial_state=stack_to_tf1(given) if tuples else stack_to_tf1_tensor(given)
    )
    after = stack_from_tf1(states) if tuples else stack_from_tf1_tensor(states, [2, 4], [2, 3])
    session.run(tf.compat.v1.global_variables_initializer())
    output, after, before = session.run([outputs, after, given])
    np.testing.assert_array_equal(after[1].h, output[:, -1])
    for now, then in zip(after, before):
        assert np.abs(now.c - then.c).max() <= T


def test_tf1_bidirectional(session: tf.compat.v1.Session) -> None:
    cells = [rnn_cell.BasicLSTMCell(2), rnn_cell.BasicLSTMCell(2)]
    outputs, states = tf.compat.v1.nn.bidirectional_dynamic_rnn(*cells, tf.ones([B, T, D]), dtype=tf.float32)
    session.run(tf.compat.v1.global_variables_initializer())
    outputs, merged = session.run([outputs, merge_directions(*stack_from_tf1(states))])
    np.testing.assert_array_equal(merged.h, np.concatenate([outputs[0][:, -1], outputs[1][:, 0]], -1))


# --- directions, rows ---


def test_merging_directions() -> None:
    one, other = PLAIN, state(2, 2, seed=3.0)
    both = LSTMState(h=np.concatenate([one.h, other.h], 1), c=np.concatenate([one.c, other.c], 1))
    assert_same(merge_directions(one, other), both)
    assert_same(concatenate(one, other), both)
    assert_same(merge_directions(one, other, "sum"), LSTMState(h=one.h + other.h, c=one.c + other.c))
    assert merge_directions(one, other, "forward") is one
    mixed = merge_directions(PLAIN, PROJECTED)
    assert (mixed.h.shape, mixed.c.shape) == ((B, 5), (B, 6))


def test_reset_rows() -> None:
    poisoned = LSTMState(h=PLAIN.h + tf.constant([[float("nan")], [0.0]]), c=PLAIN.c)
    nest = {"layers": (poisoned, PROJECTED)}
    after = reset_rows(nest, [True, False])
    keep = np.array([[0.0], [1.0]], np.float32)
    wanted = tuple(LSTMState(h=keep * s.h, c=keep * s.c) for s in STACK)
    assert_same(after, {"layers": wanted})
    assert_same(reset_rows(STACK, tf.constant([False, False])), STACK)


@pytest.mark.parametrize("rows", [B, 1])
def test_reset_rows_to_a_given_state(rows: int) -> None:
    start = LSTMState(h=tf.fill([rows, 3], 7.0), c=tf.fill([rows, 4], 8.0))
    after = reset_rows(PROJECTED, tf.constant([False, True]), start)
    assert_same(after.h, tf.stack([PROJECTED.h[0], [7.0] * 3]))
    assert_same(after.c, tf.stack([PROJECTED.c[0], [8.0] * 4]))


def test_no_gradient_through_a_reset_row() -> None:
    with tf.GradientTape() as tape:
        tape.watch(PLAIN)
        after = reset_rows(PLAIN, tf.constant([True, False]))
        loss = tf.reduce_sum(after.h**2) + tf.reduce_sum(after.c)
    gradient = tape.gradient(loss, PLAIN)
    np.testing.assert_array_equal(gradient.h, [[0.0, 0.0], 2 * PLAIN.h[1]])
    np.testing.assert_array_equal(gradient.c, [[0.0, 0.0], [1.0, 1.0]])


def test_reset_rows_of_unknown_shapes() -> None:
    signature = [LSTMState(*[tf.TensorSpec([None, 2])] * 2), tf.TensorSpec(None, tf.bool)]
    after = tf.function(reset_rows, input_signature=signature)(PLAIN, tf.constant([True, False]))
    np.testing.assert_array_equal(after.h, [[0.0, 0.0], PLAIN.h[1]])


# --- what is refused ---


def refused(error: pytest.ExceptionInfo[UserError], *parts: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("convert", "given", "said"),
    [
        (from_keras, PLAIN, "takes Keras' [h, c], and this is an LSTMState(h, c)."),
        (from_tf1, PLAIN, "takes TF1's (c, h), and this is an LSTMState(h, c)."),
        (from_keras, to_tf1(PLAIN), "this is TF1's LSTMStateTuple(c, h): use from_tf1"),
        (from_keras, to_tf1_tensor(PLAIN), "this is a tensor [2, 4]: use from_tf1_tensor"),
        (from_tf1, to_tf1_tensor(PLAIN), "this is a tensor [2, 4]: use from_tf1_tensor"),
        (
            from_keras,
            stack_to_keras(STACK),
            "holds 4 tensors; several layers or directions are for stack_from_keras",
        ),
        (
            from_tf1,
            stack_to_tf1(STACK),
            "holds 4 tensors; several layers or directions are for stack_from_tf1",
        ),
        (stack_from_keras, [*stack_to_keras(STACK), PLAIN.h], "this holds 5 tensors"),
        (stack_from_keras, [], "this holds 0 tensors"),
        (stack_from_keras, STACK, "this is a tuple of 2 LSTMStates"),
        (stack_from_keras, stack_to_tf1(STACK), "stack_from_keras takes lists of tensors in Keras' order"),
        (stack_from_keras, PLAIN, "this is an LSTMState(h, c)"),
        (stack_from_tf1, STACK, "this is an LSTMState(h, c)"),
        (stack_from_tf1, to_tf1(PLAIN), "takes a tuple of states, and this is TF1's LSTMStateTuple"),
        (stack_from_tf1, to_tf1_tensor(PLAIN), "this is a tensor [2, 4]: use stack_from_tf1_tensor"),
        (stack_from_keras, PLAIN.h, "this is a tensor [2, 2]"),
    ],
)
def test_conversions_refuse_what_is_in_no_or_another_order(convert: Any, given: Any, said: str) -> None:
    with pytest.raises(UserError) as error:
        convert(given)
    refused(error, said)


def test_concatenated_tensor_of_another_size() -> None:
    with pytest.raises(UserError) as error:
        from_tf1_tensor(tf.zeros([2, 8]), 4, 3)
    refused(error, "4 + 3 = 7 columns", "this tensor has 8")


def test_directions_that_cannot_be_merged() -> None:
    with pytest.raises(UserError) as error:
        merge_directions(PLAIN, PROJECTED, "sum")
    refused(error, "h is [2, 2] forward and [2, 3] backward")
    with pytest.raises(UserError) as error:
        merge_directions(PLAIN, PLAIN, "mean")
    refused(error, "'mean'", "concatenate, sum, forward")


def test_rows_that_cannot_be_reset() -> None:
    for rows, said in (
        ([1, 0], "rows is int32 [2]"),
        ([[True], [False]], "rows is bool [2, 1]"),
        ([True, False, True], "rows is [3], the state [2, 2]"),
    ):
        with pytest.raises(UserError) as error:
            reset_rows(PLAIN, rows)
        refused(error, said)
    with pytest.raises(UserError) as error:
        reset_rows(STACK, [True, False], PLAIN)
    refused(error, "initial_state is not built like state")


def test_states_that_fit() -> None:
    assert check_state(PLAIN, units=2) is PLAIN
    assert check_state(PROJECTED, units=4, output_size=3, batch_size=B, dtype=tf.float32) is PROJECTED
    assert check_stack(STACK, units=[2, 4], output_sizes=[2, 3], batch_size=tf.constant(B)) == STACK
    numpy = LSTMState(h=PLAIN.h.numpy(), c=PLAIN.c.numpy())
    assert check_state(numpy, units=2) is numpy
    half = LSTMState(*(tf.cast(part, tf.bfloat16) for part in PLAIN))
    assert check_state(half, units=2) is half
    double = LSTMState(*(tf.cast(part, tf.float64) for part in PLAIN))
    assert check_state(double, units=2, dtype=tf.float64) is double
    symbolic = LSTMState(*(keras.Input([2]) for _ in range(2)))
    assert check_state(symbolic, units=2, batch_size=B) is symbolic


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        (
            list(PLAIN),
            {},
            "must be an LSTMState(h, c) and is a bare list of 2: use from_keras where it is in Keras'",
        ),
        (
            tuple(PLAIN),
            {},
            "from_keras where it is in Keras' order (h, c), from_tf1 where it is in TF1's (c, h)",
        ),
        (to_tf1(PLAIN), {}, "is TF1's LSTMStateTuple(c, h): use from_tf1"),
        (to_tf1_tensor(PLAIN), {}, "is a tensor [2, 4]: use from_tf1_tensor"),
        (STACK, {}, "is a tuple of 2 LSTMStates"),
        (None, {}, "is of the type NoneType"),
        (PLAIN._replace(c=None), {}, "memory.c must be a tensor and is NoneType"),
        (PLAIN, {"units": 3}, "memory.h has the shape [2, 2], and this layer's h is [B, 3]"),
        (PLAIN, {"batch_size": 3}, "memory.h has the shape [2, 2], and this layer's h is [3, 2]"),
        (
            PROJECTED,
            {"units": 5, "output_size": 3},
            "memory.c has the shape [2, 4], and this layer's c is [B, 5]",
        ),
        (PLAIN._replace(c=tf.zeros([1, 2])), {}, "memory.h has 2 rows and memory.c has 1"),
        (PLAIN._replace(h=tf.zeros([2])), {}, "memory.h has the shape [2], and this layer's h is [B, 2]"),
        (
            PLAIN._replace(c=np.zeros([2, 2])),
            {},
            "memory.c is float64, and the layer computes in float32: cast it",
        ),
        (PLAIN, {"dtype": tf.float64}, "memory.h is float32, and the layer computes in float64: cast it"),
        (PLAIN._replace(h=tf.zeros([2, 2], tf.int32)), {}, "memory.h is int32"),
    ],
)
def test_states_that_do_not_fit(given: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        check_state(given, **{"units": 2, "name": "memory", **options})
    refused(error, "memory", said)


def test_swapped_parts_are_seen_where_sizes_differ() -> None:
    with pytest.raises(UserError) as error:
        check_state(from_keras(tuple(to_tf1(PROJECTED))), units=4, output_size=3)
    refused(
        error,
        "h and c look swapped: TF1 keeps (c, h), Keras [h, c]; use from_tf1",
        "h is [2, 4] and c [2, 3]; this layer has h [B, 3] and c [B, 4]",
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (PLAIN, "must be a tuple of 2 LSTMState(h, c), one per layer, and is an LSTMState(h, c)"),
        (PLAIN.h, "is a tensor [2, 2]"),
        ((PLAIN,), "initial_state is a tuple of 1, and there are 2 layers"),
        (
            stack_to_tf1(STACK),
            "initial_state[0] must be an LSTMState(h, c) and is TF1's LSTMStateTuple(c, h)",
        ),
        (stack_to_keras(STACK), "is a bare list of 4: use stack_from_keras"),
        (STACK[::-1], "initial_state[0].h has the shape [2, 3], and this layer's h is [B, 2]"),
    ],
)
def test_stacks_that_do_not_fit(given: Any, said: str) -> None:
    with pytest.raises(UserError) as error:
        check_stack(given, units=[2, 4], output_sizes=[2, 3])
    refused(error, said)
