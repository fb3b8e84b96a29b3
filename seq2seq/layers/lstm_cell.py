"""One step of an LSTM, plain and with the options of TensorFlow 1's cell and layer normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.keras2 import keras
from seq2seq.state import LSTMState, check_state, from_keras, zero_state


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


def check_inputs(inputs: tf.Tensor, *axes: str) -> None:
    """Refuses inputs that do not have these axes, or are not float32.

    Raises:
      UserError: with the shape or the type that they have.
    """
    if inputs.shape.rank != len(axes):
        raise UserError(f"inputs have the shape {inputs.shape}; they must be [{', '.join(axes)}].")
    if inputs.dtype != tf.float32:
        raise UserError(f"inputs are {inputs.dtype.name}; they must be float32 (tf.cast makes them so).")


LAYER_NORM_EPSILON = 1e-3
"""Added to the variance; the default of Keras and of ``tfa.rnn.LayerNormLSTMCell``."""


def layer_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
    """``x`` with mean 0 and variance 1 over its last axis, times ``gamma`` plus ``beta`` (Ba et al. 2016)."""
    mean = tf.reduce_mean(x, -1, keepdims=True)
    centred = x - mean
    variance = tf.reduce_mean(centred * centred, -1, keepdims=True)
    return centred * tf.math.rsqrt(variance + LAYER_NORM_EPSILON) * gamma + beta


@dataclass(frozen=True)
class CellOptions:
    """What a cell is besides its size, in the names of ``tf.compat.v1.nn.rnn_cell.LSTMCell``.

    Attributes:
      forget_bias: what the forget gate's part of the bias starts from (Jozefowicz et al. 2015 recommend 1). As in Keras
        it lives in the bias; TensorFlow 1 adds it at run time.
      use_peepholes: input and forget gate see the cell before the step, the output gate the one after it (Gers et al.
        2002), each through one weight a unit.
      num_proj: size of ``h``, a linear projection of the cell's output (Sak et al. 2014); 0: no projection, the
        size of ``h`` is that of ``c``.
      cell_clip: ``c`` is clipped to ±this; 0: not at all.
      proj_clip: a projected ``h`` is clipped to ±this; 0: not at all.
      layer_norm: as in ``tfa.rnn.LayerNormLSTMCell``: the product with the inputs, that with ``h``, and the new cell
        are each normalised.
    """

    forget_bias: float = 1.0
    use_peepholes: bool = False
    num_proj: int = 0
    cell_clip: float = 0.0
    proj_clip: float = 0.0
    layer_norm: bool = False

    def __post_init__(self) -> None:
        for name in ("num_proj", "cell_clip", "proj_clip"):
            if getattr(self, name) < 0:
                raise UserError(f"{name}={getattr(self, name)} is below 0; 0 switches it off.")
        if self.proj_clip and not self.num_proj:
            raise UserError(f"proj_clip={self.proj_clip} has nothing to clip without num_proj.")

    @property
    def extras(self) -> tuple[str, ...]:
        """What makes the cell more than a plain one, by name."""
        names = ("use_peepholes", "num_proj", "cell_clip", "layer_norm")
        return tuple(name for name in names if getattr(self, name))

    @property
    def plain(self) -> bool:
        """Whether the cell is Keras' own: nothing but gates and a forget bias."""
        return not self.extras


class LSTMCell(keras.layers.Layer):
    """An LSTM cell with Keras' cell protocol and Keras' weights: gates i, f, g, o; the forget bias lives in the bias.

    One class for all options, where Keras and TensorFlow Addons have a cell for some of them each, so that they can be
    combined; tests prove it equal to ``keras.layers.LSTMCell``, ``tf.compat.v1.nn.rnn_cell.LSTMCell``,
    ``tfa.rnn.PeepholeLSTMCell`` and ``tfa.rnn.LayerNormLSTMCell``.

    Its weights, of which a cell has those that its options ask for:
    ``kernel`` ``[D, 4 * units]``, ``recurrent_kernel`` ``[output_size, 4 * units]``, ``bias`` ``[4 * units]``;
    ``peephole_i``, ``peephole_f``, ``peephole_o`` ``[units]``; ``projection_kernel`` ``[units, num_proj]``;
    ``kernel_norm_gamma|beta`` and ``recurrent_norm_gamma|beta`` ``[4 * units]``, ``state_norm_gamma|beta`` ``[units]``.

    Args:
      units: size of ``c``, and of ``h`` where it is not projected.
      options: what else the cell has.
      initializer_range: kernels start uniform in ±range; 0 means Glorot uniform for the kernel and orthogonal for the
        recurrent kernel, as in Keras.
    """

    def __init__(
        self,
        units: int,
        options: CellOptions = CellOptions(),
        *,
        initializer_range: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, autocast=False)  # a cast in silence would hide where float64 comes from
        self.units = units
        self.options = options
        self.initializer_range = initializer_range
        self.output_size = options.num_proj or units
        self.state_size = LSTMState(h=self.output_size, c=units)

    def build(self, input_shape: tf.TensorShape) -> None:
        units, options = self.units, self.options
        usual = self._initializer
        self.kernel = self.add_weight(
            "kernel", [input_shape[-1], 4 * units], initializer=usual("glorot_uniform")
        )
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", [self.output_size, 4 * units], initializer=usual("orthogonal")
        )
        self.bias = self.add_weight("bias", [4 * units], initializer=self._initial_bias)
        if options.use_peepholes:
            self.peephole_i, self.peephole_f, self.peephole_o = (
                self.add_weight(f"peephole_{gate}", [units], initializer=usual("glorot_uniform"))
                for gate in "ifo"
            )
        if options.num_proj:
            self.projection_kernel = self.add_weight(
                "projection_kernel", [units, options.num_proj], initializer=usual("glorot_uniform")
            )
        if options.layer_norm:
            for part, size in (("kernel", 4 * units), ("recurrent", 4 * units), ("state", units)):
                for kind, initializer in (("gamma", "ones"), ("beta", "zeros")):
                    name = f"{part}_norm_{kind}"
                    setattr(self, name, self.add_weight(name, [size], initializer=initializer))
        super().build(input_shape)

    def _initializer(self, usual: str) -> str | keras.initializers.Initializer:
        """A new one for each weight: an unseeded Keras initializer gives the same values each time it is called."""
        if self.initializer_range == 0.0:
            return usual
        return keras.initializers.RandomUniform(-self.initializer_range, self.initializer_range)

    def _initial_bias(self, shape: tf.TensorShape, dtype: tf.DType) -> tf.Tensor:
        part = tf.zeros([self.units], dtype)
        return tf.concat([part, part + self.options.forget_bias, part, part], axis=0)

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
        return zero_state(batch_size, self.units, self.output_size, dtype)

    def project_inputs(self, inputs: tf.Tensor) -> tf.Tensor:
        """The part of a step that does not wait for the one before: ``[B, D]`` → ``[B, 4 * units]``, bias included."""
        return self.add_bias(tf.matmul(inputs, self.kernel), self.outer_weights)

    def add_bias(self, products: tf.Tensor, weights: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """What ``project_inputs`` makes of the product of inputs and kernel.

        Args:
          products: ``[B, 4 * units]``. weights: ``outer_weights``.
        """
        if self.options.layer_norm:
            products = layer_norm(products, weights["kernel_norm_gamma"], weights["kernel_norm_beta"])
        return products + weights["bias"]

    @property
    def outer_weights(self) -> dict[str, tf.Tensor]:
        """By name, the weights that ``add_bias`` uses."""
        names = ["bias", *(["kernel_norm_gamma", "kernel_norm_beta"] if self.options.layer_norm else [])]
        return {name: tf.convert_to_tensor(getattr(self, name)) for name in names}

    @property
    def inner_weights(self) -> dict[str, tf.Tensor]:
        """By name, the weights that ``advance`` uses."""
        names = []
        if self.options.layer_norm:
            names += ["recurrent_norm_gamma", "recurrent_norm_beta", "state_norm_gamma", "state_norm_beta"]
        if self.options.use_peepholes:
            names += ["peephole_i", "peephole_f", "peephole_o"]
        if self.options.num_proj:
            names += ["projection_kernel"]
        return {name: tf.convert_to_tensor(getattr(self, name)) for name in names}

    def advance(
        self, projected: tf.Tensor, recurrent: tf.Tensor, c: tf.Tensor, weights: Mapping[str, tf.Tensor]
    ) -> LSTMState:
        """The part of a step that follows the matrix products.

        Args:
          projected: ``[B, 4 * units]``, from ``project_inputs``.
          recurrent: ``[B, 4 * units]``, ``h`` times the recurrent kernel.
          c: ``[B, units]``, the cell before the step.
          weights: ``inner_weights``, as arguments so that a gradient can be taken by them.

        Returns:
          the state after the step.
        """
        options = self.options
        if options.plain:
            *_, next_c, next_h = lstm_gates(projected + recurrent, c)
            return LSTMState(h=next_h, c=next_c)
        if options.layer_norm:
            recurrent = layer_norm(recurrent, weights["recurrent_norm_gamma"], weights["recurrent_norm_beta"])
        i, f, g, o = tf.split(projected + recurrent, 4, axis=-1)
        if options.use_peepholes:
            i += weights["peephole_i"] * c
            f += weights["peephole_f"] * c
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        if options.layer_norm:
            c = layer_norm(c, weights["state_norm_gamma"], weights["state_norm_beta"])
        if options.cell_clip:
            c = tf.clip_by_value(c, -options.cell_clip, options.cell_clip)
        if options.use_peepholes:
            o += weights["peephole_o"] * c
        h = tf.sigmoid(o) * tf.tanh(c)
        if options.num_proj:
            h = tf.matmul(h, weights["projection_kernel"])
        if options.proj_clip:
            h = tf.clip_by_value(h, -options.proj_clip, options.proj_clip)
        return LSTMState(h=h, c=c)

    def call(
        self, inputs: tf.Tensor, states: LSTMState, training: bool | None = None
    ) -> tuple[tf.Tensor, LSTMState]:
        """One step.

        Args:
          inputs: ``[B, D]`` float32.
          states: the state before the step; as Keras' layers hand it on, a bare ``[h, c]``, too.
          training: unused: dropout is the caller's, who holds the masks.

        Returns:
          the output ``[B, output_size]``, which is the new ``h``, and the state after the step.

        Raises:
          UserError: inputs that are not float32, a state whose structure, shape or order cannot be right.
        """
        inputs = tf.convert_to_tensor(inputs)
        check_inputs(inputs, "batch", "depth")
        h, c = check_state(
            states if hasattr(states, "_fields") else from_keras(states),
            units=self.units,
            output_size=self.output_size,
            batch_size=inputs.shape[0],
            dtype=inputs.dtype,
            name="states",
        )
        recurrent = tf.matmul(h, self.recurrent_kernel)
        state = self.advance(self.project_inputs(inputs), recurrent, c, self.inner_weights)
        return state.h, state
