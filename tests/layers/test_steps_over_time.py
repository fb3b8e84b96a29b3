"""A step over time with deferred gradients of its kernels against a plain loop and automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.layers.steps_over_time import Nest, steps_over_time, times
from tests.closeness import assert_all_close, assert_gradients_close

B, T, D, H, E = 3, 4, 5, 6, 2


def step(product, t, state, inputs, shared):  # type: ignore[no-untyped-def]
    """Products that feed each other, one with a matrix of each row; a part of the state that is only written."""
    hidden, previous = state["hidden"], state["mixed"]
    mixed = product("rows", tf.tanh(inputs + product("square", hidden)))
    hidden = tf.sin(hidden + product("out", mixed) * shared[0] + previous[:, :1] * tf.cast(t + 1, tf.float32))
    return {"hidden": hidden, "mixed": mixed, "written": tf.tanh(hidden * shared[1])}


def plain_loop(initial_state: Nest, inputs: tf.Tensor, shared: Nest, kernels: dict[str, tf.Tensor]) -> Nest:
    state, states = initial_state, []
    for t in range(T):
        state = step(lambda name, x: times(x, kernels[name]), tf.constant(t), state, inputs[t], shared)
        states.append(state)
    return tf.nest.map_structure(lambda *parts: tf.stack(parts), *states)


def hand_loop(initial_state: Nest, inputs: tf.Tensor, shared: Nest, kernels: dict[str, tf.Tensor]) -> Nest:
    return steps_over_time(step, initial_state, inputs, shared, kernels)


@pytest.mark.parametrize("graph", [True, False])
def test_equals_a_plain_loop(graph: bool) -> None:
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> tf.Tensor:
        return tf.constant(rng.normal(0.0, 0.5, size=shape), tf.float32)

    arguments = (
        {"hidden": normal(B, H), "mixed": normal(B, E), "written": normal(B, H)},
        normal(T, B, D),
        (normal(H), normal(B, H)),
        {"square": normal(H, D), "rows": normal(B, D, E), "out": normal(E, H)},
    )
    weights = {"hidden": normal(T, B, H), "mixed": normal(T, B, E), "written": normal(T, B, H)}

    def run(loop):  # type: ignore[no-untyped-def]
        with tf.GradientTape() as tape:
            tape.watch(tf.nest.flatten(arguments))
            states = loop(*arguments)
            losses = tf.nest.map_structure(lambda x, w: tf.reduce_sum(w * tf.sin(x)), states, weights)
            loss = tf.add_n(tf.nest.flatten(losses))
        return tf.nest.flatten(states), tape.gradient(
            loss, tf.nest.flatten(arguments), unconnected_gradients="zero"
        )

    ours = tf.function(run, autograph=False)(hand_loop) if graph else run(hand_loop)
    (states, gradients), (expected, expected_gradients) = ours, run(plain_loop)
    assert_all_close(states, expected)
    assert_gradients_close(gradients, expected_gradients)
