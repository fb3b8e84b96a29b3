"""The recurrence against Keras' layer: outputs, final state and every gradient, on sequences of unequal length."""

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.layers.recurrence import LSTM
from seq2seq.state import LSTMState, to_keras

B, T, D, UNITS = 4, 7, 5, 6
LENGTH = np.array([7, 1, 4, 6], np.int32)


@pytest.fixture
def inputs() -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=(B, T, D)), tf.float32)


def keras_twin(layer: LSTM) -> tf.keras.layers.LSTM:
    twin = tf.keras.layers.LSTM(UNITS, return_sequences=True, return_state=True, zero_output_for_mask=True)
    twin.build(tf.TensorShape([None, None, D]))
    twin.set_weights(
        [layer.cell.kernel.numpy(), layer.cell.recurrent_kernel.numpy(), layer.cell.bias.numpy()]
    )
    return twin


@pytest.mark.parametrize("kernel", ["own", "keras"])
@pytest.mark.parametrize("reverse", [False, True])
def test_equals_keras_with_mask(inputs: tf.Tensor, reverse: bool, kernel: str) -> None:
    layer = LSTM(UNITS, reverse=reverse, kernel=kernel)
    layer.build([None, None, D])
    layer.cell.bias.assign_add(tf.random.stateless_uniform([4 * UNITS], [1, 2]))
    twin = keras_twin(layer)
    rng = np.random.default_rng(1)
    initial = LSTMState(*(tf.constant(rng.normal(size=(B, UNITS)), tf.float32) for _ in range(2)))
    weights = [tf.constant(rng.normal(size=s), tf.float32) for s in ((B, T, UNITS), (B, UNITS), (B, UNITS))]

    def ours(x: tf.Tensor, state: LSTMState) -> tuple[tf.Tensor, ...]:
        outputs, final = layer(x, LENGTH, state)
        return outputs, final.h, final.c

    def theirs(x: tf.Tensor, state: LSTMState) -> tuple[tf.Tensor, ...]:
        if reverse:
            x = tf.reverse_sequence(x, LENGTH, seq_axis=1)
        outputs, h, c = twin(x, mask=tf.sequence_mask(LENGTH, T), initial_state=to_keras(state))
        return (tf.reverse_sequence(outputs, LENGTH, seq_axis=1) if reverse else outputs), h, c

    results = []
    for run, variables in ((ours, layer.trainable_variables), (theirs, twin.trainable_variables)):
        with tf.GradientTape() as tape:
            tape.watch([inputs, *initial])
            values = run(inputs, initial)
            loss = tf.add_n([tf.reduce_sum(w * v) for w, v in zip(weights, values)])
        results.append((values, tape.gradient(loss, [inputs, *initial, *variables])))
    for ours_values, theirs_values in zip(*results):
        for a, b in zip(ours_values, theirs_values):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_outputs_are_zero_past_the_length_and_the_state_is_the_last_real_step(inputs: tf.Tensor) -> None:
    outputs, final = LSTM(UNITS)(inputs, LENGTH)
    for b, n in enumerate(LENGTH):
        np.testing.assert_array_equal(outputs[b, n:], np.zeros([T - n, UNITS]))
        np.testing.assert_array_equal(outputs[b, n - 1], final.h[b])


def test_recurrent_dropout_gradient_is_the_numerical_one() -> None:
    """With a fixed mask the hand-written gradient equals automatic differentiation of the plain formula."""
    from seq2seq.layers.lstm_cell import lstm_gates
    from seq2seq.layers.recurrence import lstm_over_time

    rng = np.random.default_rng(2)
    projected = tf.constant(rng.normal(size=(T, B, 4 * UNITS)), tf.float32)
    kernel = tf.constant(rng.normal(size=(UNITS, 4 * UNITS)), tf.float32)
    initial = LSTMState(*(tf.constant(rng.normal(size=(B, UNITS)), tf.float32) for _ in range(2)))
    for mask_time in (1, T):
        mask = tf.constant(rng.integers(0, 2, size=(mask_time, B, UNITS)) * 2.0, tf.float32)
        gradients = []
        for fused in (True, False):
            with tf.GradientTape() as tape:
                tape.watch([projected, kernel, *initial])
                if fused:
                    h, c = lstm_over_time(projected, kernel, initial, mask)
                else:
                    state, hs, cs = initial, [], []
                    for t in range(T):
                        z = projected[t] + tf.matmul(state.h * mask[min(t, mask_time - 1)], kernel)
                        *_, next_c, next_h = lstm_gates(z, state.c)
                        state = LSTMState(h=next_h, c=next_c)
                        hs.append(next_h)
                        cs.append(next_c)
                    h, c = tf.stack(hs), tf.stack(cs)
                loss = tf.reduce_sum(h * h) + tf.reduce_sum(tf.sin(c))
            gradients.append(tape.gradient(loss, [projected, kernel, *initial]))
        for a, b in zip(*gradients):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
