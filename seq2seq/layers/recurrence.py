"""An LSTM over time.

The loop keeps only what is recurrent. The product with the inputs is made once before it; in the backward pass the loop
stores the gradients of the pre-activations, and one product after it gives the gradient of each kernel. This is why the
gradient is written by hand: automatic differentiation would add a weight-sized product and sum to every step.
"""

from __future__ import annotations

from typing import Callable

import tensorflow as tf

from seq2seq.layers.dropout import Dropout
from seq2seq.layers.lstm_cell import LSTMCell, lstm_gates, lstm_gates_gradient
from seq2seq.state import LSTMState


def project(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """``[X, Y, D]`` times ``[D, E]`` as one matrix product.

    A rank-3 ``tf.matmul`` would be a broadcast batch product, whose gradient by the kernel is ``[X, D, E]``.
    """
    shape = tf.shape(inputs)
    flat = tf.reshape(inputs, [-1, inputs.shape[-1]]) @ kernel
    return tf.reshape(flat, [shape[0], shape[1], kernel.shape[-1]])


def at_step(mask: tf.Tensor | None, t: tf.Tensor) -> tf.Tensor | float:
    """A time-major mask ``[T or 1, B, D]`` at step ``t``; 1 where there is none."""
    if mask is None:
        return 1.0
    return mask[tf.minimum(t, tf.shape(mask)[0] - 1)]


def shifted(first: tf.Tensor, sequence: tf.Tensor) -> tf.Tensor:
    """``[T, B, D]``: what each step of ``sequence`` found, beginning with ``first`` ``[B, D]``."""
    return tf.concat([first[tf.newaxis], sequence[:-1]], axis=0)


def transposed_product(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """``[D, E]``, the sum over all steps and rows of ``left`` ``[T, B, D]`` times ``right`` ``[T, B, E]``."""
    return tf.matmul(
        tf.reshape(left, [-1, left.shape[-1]]), tf.reshape(right, [-1, right.shape[-1]]), transpose_a=True
    )


def arrays(time: tf.Tensor, count: int, dtype: tf.DType = tf.float32) -> list[tf.TensorArray]:
    """``count`` arrays to collect one tensor a step in."""
    return [tf.TensorArray(dtype, size=time) for _ in range(count)]


def lstm_over_time(
    projected: tf.Tensor, recurrent_kernel: tf.Tensor, initial_state: LSTMState, mask: tf.Tensor | None = None
) -> LSTMState:
    """Runs an LSTM over all steps, time-major.

    Args:
      projected: ``[T, B, 4 * units]``, inputs times kernel plus bias.
      recurrent_kernel: ``[units, 4 * units]``.
      initial_state: the state before the first step, ``[B, units]`` each.
      mask: ``[T or 1, B, units]``, multiplied with ``h`` where the recurrent kernel sees it; None: no dropout.

    Returns:
      ``h`` and ``c`` after every step, ``[T, B, units]`` each.
    """
    units = recurrent_kernel.shape[0]

    @tf.custom_gradient
    def run(
        projected: tf.Tensor, kernel: tf.Tensor, h0: tf.Tensor, c0: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable[..., tuple[tf.Tensor, ...]]]:
        time = tf.shape(projected)[0]

        def step(t, h, c, *saved):  # type: ignore[no-untyped-def]
            z = projected[t] + tf.matmul(h * at_step(mask, t), kernel)
            i, f, g, o, c, h = lstm_gates(z, c)
            return t + 1, h, c, *(array.write(t, x) for array, x in zip(saved, (i, f, g, o, c, h)))

        loop = tf.while_loop(
            lambda t, *_: t < time, step, (0, h0, c0, *arrays(time, 6)), parallel_iterations=1
        )
        i, f, g, o, c, h = (array.stack() for array in loop[3:])  # [T, B, units]
        h.set_shape([None, None, units])
        c.set_shape([None, None, units])

        def gradient(dh_out: tf.Tensor, dc_out: tf.Tensor) -> tuple[tf.Tensor, ...]:
            c_before = shifted(c0, c)

            def back(t, dh, dc, saved):  # type: ignore[no-untyped-def]
                dz, dc = lstm_gates_gradient(
                    dh + dh_out[t], dc + dc_out[t], i[t], f[t], g[t], o[t], c_before[t], c[t]
                )
                dh = tf.matmul(dz, kernel, transpose_b=True) * at_step(mask, t)
                return t - 1, dh, dc, saved.write(t, dz)

            loop = tf.while_loop(
                lambda t, *_: t >= 0,
                back,
                (time - 1, tf.zeros_like(h0), tf.zeros_like(c0), *arrays(time, 1)),
                parallel_iterations=1,
            )
            _, dh0, dc0, dz = loop[0], loop[1], loop[2], loop[3].stack()
            dz.set_shape([None, None, 4 * units])
            h_seen = shifted(h0, h) if mask is None else shifted(h0, h) * mask
            return dz, transposed_product(h_seen, dz), dh0, dc0

        return (h, c), gradient

    h, c = run(projected, recurrent_kernel, initial_state.h, initial_state.c)
    return LSTMState(h=h, c=c)


def last_step(sequence: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """``[B, D]``: each row of the time-major ``sequence`` ``[T, B, D]`` at its last real step."""
    rows = tf.range(tf.shape(length)[0])
    return tf.gather_nd(sequence, tf.stack([length - 1, rows], axis=1))


class LSTM(tf.keras.layers.Layer):
    """An LSTM layer over time with the semantics of ``dynamic_rnn``: zero past each length, the final state is the
    state at the last real step. Padding costs no mask inside the loop, since no step sees a later one.

    Args:
      units: size of ``h`` and ``c``.
      reverse: read each row from its last real step to its first; outputs stay in the order of the inputs.
      recurrent_dropout: share of ``h`` dropped where the recurrent kernel sees it.
      variational: one recurrent mask per sequence instead of one per step.
      forget_bias, initializer_range: see ``LSTMCell``.
    """

    def __init__(
        self,
        units: int,
        *,
        reverse: bool = False,
        recurrent_dropout: float = 0.0,
        variational: bool = True,
        forget_bias: float = 1.0,
        initializer_range: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.reverse = reverse
        self.cell = LSTMCell(units, forget_bias=forget_bias, initializer_range=initializer_range, name="cell")
        self.recurrent_dropout = Dropout(recurrent_dropout, variational=variational, name="recurrent_dropout")

    def build(self, input_shape: tf.TensorShape) -> None:
        self.cell.build(input_shape)
        super().build(input_shape)

    def call(
        self,
        inputs: tf.Tensor,
        length: tf.Tensor,
        initial_state: LSTMState | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, LSTMState]:
        """Reads a batch of sequences.

        Args:
          inputs: ``[B, T, D]``.
          length: ``[B]`` int32, from 1 to T.
          initial_state: ``[B, units]`` each; zeros where None.
          training: whether dropout is on.

        Returns:
          outputs ``[B, T, units]``, zero past each length, and the final ``LSTMState``, ``[B, units]`` each.
        """
        batch_size, time = tf.shape(inputs)[0], tf.shape(inputs)[1]
        if self.reverse:
            inputs = tf.reverse_sequence(inputs, length, seq_axis=1, batch_axis=0)
        if initial_state is None:
            initial_state = self.cell.get_initial_state(batch_size=batch_size, dtype=inputs.dtype)
        projected = project(tf.transpose(inputs, [1, 0, 2]), self.cell.kernel) + self.cell.bias
        mask = self.recurrent_dropout.time_major_mask(batch_size, time, self.cell.units, training)
        states = lstm_over_time(projected, self.cell.recurrent_kernel, initial_state, mask)
        final_state = LSTMState(h=last_step(states.h, length), c=last_step(states.c, length))
        outputs = tf.transpose(states.h, [1, 0, 2])
        outputs *= tf.sequence_mask(length, time, outputs.dtype)[..., tf.newaxis]
        if self.reverse:
            outputs = tf.reverse_sequence(outputs, length, seq_axis=1, batch_axis=0)
        return outputs, final_state
