"""An LSTM over time.

The loop keeps only what is recurrent. The product with the inputs is made once before it; in the backward pass the loop
stores the gradients of the pre-activations, and one product after it gives the gradient of each kernel. This is why the
gradients are written by hand: automatic differentiation would add a weight-sized product and sum to every step. A plain
cell's gradient is a formula from beginning to end (``lstm_over_time``); any other cell runs as ``steps_over_time``.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.keras2 import keras
from seq2seq.layers.custom_gradients import custom_gradient, inference_only
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.lstm_cell import CellOptions, LSTMCell, check_inputs, lstm_gates, lstm_gates_gradient
from seq2seq.layers.steps_over_time import (
    Product,
    arrays,
    at_step,
    shifted,
    steps_over_time,
    transposed_product,
)
from seq2seq.masking import MaskingPolicy, check_lengths
from seq2seq.state import LSTMState, check_state

KERNELS = ("loop", "keras")


class Kernel(NamedTuple):
    """What runs a recurrence, and why.

    Attributes:
      name: one of ``KERNELS``, see ``LSTM``.
      reason: in words.
    """

    name: str
    reason: str


LOOP = Kernel("loop", "loop")


def choose_kernel(
    policy: MaskingPolicy,
    options: CellOptions,
    recurrent_dropout: float,
    *,
    gpu: bool,
    weight_dropout: float = 0.0,
) -> Kernel:
    """Chooses once, when a model is built, so that nothing falls back in silence later.

    Args:
      policy: of masking. options: of the cell. recurrent_dropout: its rate. gpu: whether a GPU computes.
      weight_dropout: its rate.
    """
    gradient = "gradient by hand" if options.plain else f"general cell: {', '.join(options.extras)}"
    if policy is not MaskingPolicy.CUDNN:
        return Kernel("loop", f"loop ({gradient}); cuDNN only under masking=cudnn")
    if not gpu:
        return Kernel("loop", f"loop ({gradient}); cuDNN needs a GPU")
    dropouts = {"recurrent dropout": recurrent_dropout, "weight dropout": weight_dropout}
    lacking = [*options.extras, *(name for name, rate in dropouts.items() if rate)]
    if lacking:
        return Kernel("loop", f"loop ({gradient}); cuDNN has no {', '.join(lacking)}")
    return Kernel("keras", "cuDNN through keras.layers.LSTM; lengths are checked before each step")


def project(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """``[X, Y, D]`` times ``[D, E]`` as one matrix product.

    A rank-3 ``tf.matmul`` would be a broadcast batch product, whose gradient by the kernel is ``[X, D, E]``.
    """
    shape = tf.shape(inputs)
    flat = tf.reshape(inputs, [-1, inputs.shape[-1]]) @ kernel
    return tf.reshape(flat, [shape[0], shape[1], kernel.shape[-1]])


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

    @custom_gradient
    def run(
        projected: tf.Tensor, kernel: tf.Tensor, h0: tf.Tensor, c0: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable[..., tuple[tf.Tensor, ...]]]:
        time = tf.shape(projected)[0]

        def step(t, h, c, *saved):  # type: ignore[no-untyped-def]
            z = projected[t] + tf.matmul(h * at_step(mask, t), kernel)
            i, f, g, o, c, h = lstm_gates(z, c)
            return t + 1, h, c, *(array.write(t, x) for array, x in zip(saved, (c, h, i, f, g, o)))

        saved = arrays(time, 2 if inference_only() else 6)
        loop = tf.while_loop(lambda t, *_: t < time, step, (0, h0, c0, *saved), parallel_iterations=1)
        c, h, gates = loop[3].stack(), loop[4].stack(), loop[5:]  # c, h: [T, B, units]
        h.set_shape([None, None, units])
        c.set_shape([None, None, units])

        def gradient(dh_out: tf.Tensor, dc_out: tf.Tensor) -> tuple[tf.Tensor, ...]:
            c_before = shifted(c0, c)

            def back(t, dh, dc, saved):  # type: ignore[no-untyped-def]
                i, f, g, o = (array.read(t) for array in gates)
                dz, dc = lstm_gates_gradient(dh + dh_out[t], dc + dc_out[t], i, f, g, o, c_before[t], c[t])
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


def cell_over_time(
    cell: LSTMCell,
    inputs: tf.Tensor,
    initial_state: LSTMState,
    mask: tf.Tensor | None = None,
    weight_mask: tf.Tensor | None = None,
) -> LSTMState:
    """Runs any cell over all steps, time-major.

    Args:
      cell: built.
      inputs: ``[T, B, D]``.
      initial_state: the state before the first step, ``h`` ``[B, output_size]`` and ``c`` ``[B, units]``.
      mask: ``[T or 1, B, output_size]``, multiplied with ``h`` where the recurrent kernel sees it; None: no dropout.
      weight_mask: ``[output_size, 4 * units]``, multiplied with the recurrent kernel at all steps; None: no dropout.

    Returns:
      ``h`` ``[T, B, output_size]`` and ``c`` ``[T, B, units]`` after every step.
    """
    shape = tf.shape(inputs)
    flat = cell.project_inputs(tf.reshape(inputs, [-1, inputs.shape[-1]]))
    projected = tf.reshape(flat, [shape[0], shape[1], 4 * cell.units])
    kernel = cell.recurrent_kernel if weight_mask is None else cell.recurrent_kernel * weight_mask
    if cell.options.plain:
        return lstm_over_time(projected, kernel, initial_state, mask)
    weights, kernels = cell.inner_weights, {"recurrent": kernel}

    def step(
        product: Product, t: tf.Tensor, state: LSTMState, projected: tf.Tensor, weights: dict[str, tf.Tensor]
    ) -> LSTMState:
        recurrent = product("recurrent", state.h * at_step(mask, t))
        return cell.advance(projected, recurrent, state.c, weights)

    return steps_over_time(step, initial_state, projected, weights, kernels)


def keras_over_time(
    cell: LSTMCell, inputs: tf.Tensor, length: tf.Tensor, initial_state: LSTMState
) -> tuple[tf.Tensor, LSTMState]:
    """Runs a plain cell by ``keras.layers.LSTM``, whose kernel on a GPU is cuDNN's.

    Keras decides in the graph: cuDNN takes masks that are right-padded and have no empty row, which ``length`` makes
    sure of; for any other it would fall back, in silence, to a loop.

    Args:
      cell: built, plain.
      inputs: ``[B, T, D]``. length: ``[B]`` int32, from 1 to T. initial_state: ``[B, units]`` each.

    Returns:
      outputs ``[B, T, units]``, zero past each length, and the final state.
    """
    layer = keras.layers.LSTM(cell.units, return_sequences=True, return_state=True, zero_output_for_mask=True)
    layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias = (
        cell.kernel,
        cell.recurrent_kernel,
        cell.bias,
    )
    layer.cell.built = layer.built = True
    mask = tf.sequence_mask(length, tf.shape(inputs)[1])
    outputs, h, c = layer(inputs, mask=mask, initial_state=[initial_state.h, initial_state.c])
    return outputs, LSTMState(h=h, c=c)


def last_step(sequence: tf.Tensor, length: tf.Tensor, initial: tf.Tensor) -> tf.Tensor:
    """``[B, D]``: each row of the time-major ``sequence`` ``[T, B, D]`` at its last real step; a row that has none is
    that of ``initial`` ``[B, D]``."""
    rows = tf.range(tf.shape(length)[0])
    last = tf.gather_nd(sequence, tf.stack([tf.maximum(length - 1, 0), rows], axis=1))
    return tf.where((length > 0)[:, tf.newaxis], last, initial)


class LSTM(keras.layers.Layer):
    """An LSTM layer over time with the semantics of ``dynamic_rnn``: zero past each length, the final state is the
    state at the last real step. Padding costs no mask inside the loop, since no step sees a later one.

    Args:
      units: size of ``c``, and of ``h`` where it is not projected.
      options: see ``CellOptions``.
      reverse: read each row from its last real step to its first; outputs stay in the order of the inputs.
      recurrent_dropout: share of ``h`` dropped where the recurrent kernel sees it.
      variational: one recurrent mask per sequence instead of one per step.
      weight_dropout: share of the recurrent kernel's weights dropped, one mask for a batch (DropConnect, Wan et al.
        2013, as Merity et al. 2018 have it).
      initializer_range: see ``LSTMCell``.
      kernel: ``loop``: the loops of this module; ``keras``: Keras' layer, for plain cells (see ``choose_kernel``).
    """

    def __init__(
        self,
        units: int,
        *,
        options: CellOptions = CellOptions(),
        reverse: bool = False,
        recurrent_dropout: float = 0.0,
        variational: bool = True,
        weight_dropout: float = 0.0,
        initializer_range: float = 0.0,
        kernel: str = "loop",
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, autocast=False)  # see LSTMCell
        if kernel not in KERNELS:
            raise ValueError(f"kernel {kernel!r} is not one of {', '.join(KERNELS)}")
        if kernel == "keras" and (not options.plain or recurrent_dropout or weight_dropout):
            raise ValueError("Keras' kernel takes plain cells without recurrent or weight dropout")
        self.reverse = reverse
        self.kernel = kernel
        self.cell = LSTMCell(units, options, initializer_range=initializer_range, name="cell")
        self.recurrent_dropout = Dropout(recurrent_dropout, variational=variational, name="recurrent_dropout")
        self.weight_dropout = Dropout(weight_dropout, name="weight_dropout")

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
          inputs: ``[B, T, D]`` float32, T at least 1.
          length: ``[B]`` integers from 0 to T (from 1 with ``kernel="keras"``); a row of length 0, one that has ended
            in an earlier window, keeps its initial state.
          initial_state: ``h`` ``[B, output_size]`` and ``c`` ``[B, units]``; zeros where None.
          training: whether dropout is on.

        Returns:
          outputs ``[B, T, output_size]``, zero past each length, and the final ``LSTMState``.

        Raises:
          UserError: inputs that are not float32, lengths out of range (where their values are known), a state whose
            structure, shape or order cannot be right.
        """
        inputs, length = tf.convert_to_tensor(inputs), tf.convert_to_tensor(length)
        check_sequences(inputs, length, smallest=1 if self.kernel == "keras" else 0)
        length = tf.cast(length, tf.int32)
        batch_size, time = tf.shape(inputs)[0], tf.shape(inputs)[1]
        if initial_state is None:
            initial_state = self.cell.get_initial_state(batch_size=batch_size, dtype=inputs.dtype)
        else:
            check_state(
                initial_state,
                units=self.cell.units,
                output_size=self.cell.output_size,
                batch_size=inputs.shape[0],
                dtype=inputs.dtype,
            )
        if self.reverse:
            inputs = tf.reverse_sequence(inputs, length, seq_axis=1, batch_axis=0)
        if self.kernel == "keras":
            outputs, final_state = keras_over_time(self.cell, inputs, length, initial_state)
        else:
            mask = self.recurrent_dropout.time_major_mask(batch_size, time, self.cell.output_size, training)
            weight_mask = self.weight_dropout.time_major_mask(
                1, self.cell.output_size, 4 * self.cell.units, training
            )
            weight_mask = None if weight_mask is None else weight_mask[:, 0]
            states = cell_over_time(
                self.cell, tf.transpose(inputs, [1, 0, 2]), initial_state, mask, weight_mask
            )
            final_state = LSTMState(
                h=last_step(states.h, length, initial_state.h), c=last_step(states.c, length, initial_state.c)
            )
            outputs = tf.transpose(states.h, [1, 0, 2])
            outputs *= tf.sequence_mask(length, time, outputs.dtype)[..., tf.newaxis]
        if self.reverse:
            outputs = tf.reverse_sequence(outputs, length, seq_axis=1, batch_axis=0)
        return outputs, final_state


def check_sequences(inputs: tf.Tensor, length: tf.Tensor, *, smallest: int = 0) -> None:
    """Refuses what no recurrence can read; lengths only where their values are known (outside a graph).

    Args:
      inputs: ``[B, T, D]``. length: ``[B]``. smallest: the least length allowed.

    Raises:
      UserError: inputs or lengths of another shape or type, or a length below ``smallest`` or beyond T.
    """
    check_inputs(inputs, "batch", "time", "depth")
    if inputs.shape[1] == 0:
        raise UserError(f"inputs have the shape {inputs.shape}; a recurrence reads at least one step.")
    if not length.dtype.is_integer or not length.shape.is_compatible_with(inputs.shape[:1]):
        raise UserError(
            f"length is {length.dtype.name} {length.shape}; it must have an integer for each of the"
            f" {inputs.shape[0]} rows of the inputs."
        )
    known = tf.get_static_value(length)
    if known is not None:
        check_lengths(known, inputs.shape[1], smallest=smallest)
