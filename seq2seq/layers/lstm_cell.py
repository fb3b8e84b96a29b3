"""One step of an LSTM."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.state import LSTMState, zero_state


def lstm_gates(z: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Gates, cell and output from the pre-activations (Hochreiter & Schmidhuber 1997, with Gers' forget gate).

    Args:
      z: ``[B, 4 * units]``, gates in Keras' order: input, forget, candidate, output.
      c: ``[B, units]``, the cell before the step.

    Returns:
      ``i, f, g, o, next_c, next_h``, each ``[B, units]``.
    """
    i, f, g, o = tf.split(z, 4, axis=-1)
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
    next_c = f * c + i * g
    return i, f, g, o, next_c, o * tf.tanh(next_c)


def lstm_gates_gradient(
    dh: tf.Tensor,
    dc: tf.Tensor,
    i: tf.Tensor,
    f: tf.Tensor,
    g: tf.Tensor,
    o: tf.Tensor,
    c: tf.Tensor,
    next_c: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradient of ``lstm_gates``.

    Args:
      dh, dc: ``[B, units]``, gradients of the loss by ``next_h`` and ``next_c``.
      i, f, g, o, c, next_c: what ``lstm_gates`` took and returned.

    Returns:
      ``dz`` ``[B, 4 * units]`` and the gradient by ``c`` ``[B, units]``.
    """
    tanh_c = tf.tanh(next_c)
    dc = dc + dh * o * (1.0 - tanh_c * tanh_c)
    dz = tf.concat(
        [
            dc * g * i * (1.0 - i),
            dc * c * f * (1.0 - f),
            dc * i * (1.0 - g * g),
            dh * tanh_c * o * (1.0 - o),
        ],
        axis=-1,
    )
    return dz, dc * f


class LSTMCell(tf.keras.layers.Layer):
    """An LSTM cell with Keras' cell protocol and Keras' weights: gates i, f, g, o; the forget bias lives in the bias.

    Args:
      units: size of ``h`` and ``c``.
      forget_bias: what the forget gate's part of the bias starts from (Jozefowicz et al. 2015 recommend 1).
      initializer_range: kernels start uniform in ±range; 0 means Glorot uniform for the kernel and orthogonal for the
        recurrent kernel, as in Keras.
    """

    def __init__(
        self, units: int, *, forget_bias: float = 1.0, initializer_range: float = 0.0, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self.units = units
        self.forget_bias = forget_bias
        self.initializer_range = initializer_range
        self.state_size = LSTMState(h=units, c=units)
        self.output_size = units

    def build(self, input_shape: tf.TensorShape) -> None:
        self.kernel = self.add_weight(
            "kernel", [input_shape[-1], 4 * self.units], initializer=self._initializer("glorot_uniform")
        )
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", [self.units, 4 * self.units], initializer=self._initializer("orthogonal")
        )
        self.bias = self.add_weight("bias", [4 * self.units], initializer=self._initial_bias)
        super().build(input_shape)

    def _initializer(self, usual: str) -> str | tf.keras.initializers.Initializer:
        """A new one for each weight: an unseeded Keras initializer gives the same values each time it is called."""
        if self.initializer_range == 0.0:
            return usual
        return tf.keras.initializers.RandomUniform(-self.initializer_range, self.initializer_range)

    def _initial_bias(self, shape: tf.TensorShape, dtype: tf.DType) -> tf.Tensor:
        part = tf.zeros([self.units], dtype)
        return tf.concat([part, part + self.forget_bias, part, part], axis=0)

    def get_initial_state(
        self,
        inputs: tf.Tensor | None = None,
        batch_size: tf.Tensor | int | None = None,
        dtype: tf.DType = tf.float32,
    ) -> LSTMState:
        """Zeros for ``batch_size`` rows, or for as many as ``inputs`` has."""
        if inputs is not None:
            batch_size, dtype = tf.shape(inputs)[0], inputs.dtype
        assert batch_size is not None
        return zero_state(batch_size, self.units, dtype)

    def call(
        self, inputs: tf.Tensor, states: LSTMState, training: bool | None = None
    ) -> tuple[tf.Tensor, LSTMState]:
        """One step.

        Args:
          inputs: ``[B, D]``.
          states: the state before the step, in the order ``h, c``.
          training: unused: dropout is the caller's, who holds the masks.

        Returns:
          the output ``[B, units]`` and the state after the step.
        """
        h, c = states
        z = tf.matmul(inputs, self.kernel) + tf.matmul(h, self.recurrent_kernel) + self.bias
        *_, next_c, next_h = lstm_gates(z, c)
        return next_h, LSTMState(h=next_h, c=next_c)
