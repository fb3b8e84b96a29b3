"""The state of an LSTM, and every conversion of it.

Keras keeps lists ``[h, c]``, TensorFlow 1 kept tuples ``(c, h)``; here the two parts are always named, and nothing
guesses what a bare pair means. B is the batch, U the units, P the columns of ``h``: ``num_proj`` where the cell
projects its output (Sak et al. 2014), U otherwise.

================================  =============================================  ========================
another's state                   of                                             conversions
================================  =============================================  ========================
``[h, c]``                        ``keras.layers.LSTM``, ``LSTMCell``         ``from_keras``
``[h0, c0, h1, c1]``              several Keras layers; ``Bidirectional``        ``stack_from_keras``
``LSTMStateTuple(c, h)``          TF1 cells                                      ``from_tf1``
``((c0, h0), (c1, h1))``          TF1 ``MultiRNNCell``, ``bidirectional_…_rnn``  ``stack_from_tf1``
``[B, U + P]``, ``c`` first       TF1 cells, ``state_is_tuple=False``            ``from_tf1_tensor``
``[B, U0 + P0 + U1 + P1]``        TF1 ``MultiRNNCell``, ``state_is_tuple=False`` ``stack_from_tf1_tensor``
================================  =============================================  ========================

Each has its way back: ``to_…``, ``stack_to_…``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.keras2 import rnn_cell

DIRECTIONS = ("concatenate", "sum", "forward")
"""How ``merge_directions`` makes one state of two."""


class LSTMState(NamedTuple):
    """State of one LSTM layer: a TensorFlow nest.

    Attributes:
      h: ``[B, P]``, the output of the last step, what the recurrent kernel sees.
      c: ``[B, U]``, the cell, what the forget gate scales.
    """

    h: tf.Tensor
    c: tf.Tensor


States = tuple[LSTMState, ...]
"""One state per layer, from the bottom up."""


def zero_state(
    batch_size: tf.Tensor | int, units: int, output_size: int | None = None, dtype: tf.DType = tf.float32
) -> LSTMState:
    """The state before the first step: ``h`` zeros ``[B, output_size or units]``, ``c`` zeros ``[B, units]``."""
    c = tf.zeros([batch_size, units], dtype)
    return LSTMState(h=c if output_size in (None, units) else tf.zeros([batch_size, output_size], dtype), c=c)


# --- one layer ---


def from_keras(states: Sequence[tf.Tensor]) -> LSTMState:
    """Keras' ``[h, c]`` as an ``LSTMState``."""
    h, c = _pair(states, "from_keras", "Keras' [h, c]", fields=None)
    return LSTMState(h=h, c=c)


def to_keras(state: LSTMState) -> list[tf.Tensor]:
    """``[h, c]``, the order of ``keras.layers.LSTM``."""
    return [state.h, state.c]


def from_tf1(states: Sequence[tf.Tensor]) -> LSTMState:
    """TensorFlow 1's ``LSTMStateTuple(c, h)``, or its plain tuple ``(c, h)``, as an ``LSTMState``."""
    c, h = _pair(states, "from_tf1", "TF1's (c, h)", fields=("c", "h"))
    return LSTMState(h=h, c=c)


def to_tf1(state: LSTMState) -> tuple[tf.Tensor, tf.Tensor]:
    """A ``tf.compat.v1.nn.rnn_cell.LSTMStateTuple(c, h)``, as TF1's cells want it."""
    return rnn_cell.LSTMStateTuple(c=state.c, h=state.h)


def from_tf1_tensor(state: tf.Tensor, units: int, output_size: int | None = None) -> LSTMState:
    """The state of a TF1 cell with ``state_is_tuple=False``.

    Args:
      state: ``[B, units + output_size]``, ``c`` first.
      units: ``num_units`` of the cell.
      output_size: its ``num_proj``; None: no projection.
    """
    (only,) = stack_from_tf1_tensor(state, [units], [output_size or units])
    return only


def to_tf1_tensor(state: LSTMState) -> tf.Tensor:
    """``[B, U + P]``, ``c`` first: the state of a TF1 cell with ``state_is_tuple=False``."""
    return tf.concat([state.c, state.h], axis=-1)


# --- several layers ---


def stack_from_keras(states: Sequence[Any]) -> States:
    """Keras' states of several layers, or of the two directions of ``Bidirectional``.

    Args:
      states: flat ``[h0, c0, h1, c1, …]``, or a list ``[h, c]`` per layer, as ``StackedRNNCells`` has it.
    """
    if not isinstance(states, (list, tuple)) or any(map(_fields, (states, *states))):
        raise UserError(
            f"stack_from_keras takes lists of tensors in Keras' order, and this is {_said(states, 'stack_')}."
        )
    flat = tf.nest.flatten(states)
    if not flat or len(flat) % 2:
        raise UserError(f"stack_from_keras takes h and c of every layer, and this holds {len(flat)} tensors.")
    return tuple(from_keras(flat[k : k + 2]) for k in range(0, len(flat), 2))


def stack_to_keras(states: Sequence[LSTMState]) -> list[tf.Tensor]:
    """Flat ``[h0, c0, h1, c1, …]``: what ``initial_state`` of ``keras.layers.Bidirectional`` takes, too."""
    return [part for state in states for part in to_keras(state)]


def stack_from_tf1(states: Sequence[Any]) -> States:
    """TF1's tuple of ``LSTMStateTuple(c, h)`` or ``(c, h)``, one per layer or direction."""
    if not isinstance(states, (list, tuple)) or _fields(states):
        raise UserError(f"stack_from_tf1 takes a tuple of states, and this is {_said(states, 'stack_')}.")
    return tuple(from_tf1(state) for state in states)


def stack_to_tf1(states: Sequence[LSTMState]) -> tuple[tuple[tf.Tensor, tf.Tensor], ...]:
    """A tuple of ``LSTMStateTuple(c, h)``, as TF1's ``MultiRNNCell`` wants it."""
    return tuple(to_tf1(state) for state in states)


def stack_from_tf1_tensor(
    state: tf.Tensor, units: Sequence[int], output_sizes: Sequence[int] | None = None
) -> States:
    """The state of a TF1 ``MultiRNNCell`` with ``state_is_tuple=False``.

    Args:
      state: ``[B, U0 + P0 + U1 + P1 + …]``: ``c`` and ``h`` of each layer in turn.
      units: U of each layer.
      output_sizes: P of each layer; None: no projections.
    """
    sizes = [size for pair in zip(units, output_sizes or units) for size in pair]
    columns = state.shape[-1]
    if columns is not None and columns != sum(sizes):
        raise UserError(
            f"A TF1 state of c and h side by side has {' + '.join(map(str, sizes))} = {sum(sizes)} columns for"
            f" these sizes, and this tensor has {columns}."
        )
    parts = tf.split(state, sizes, axis=-1)
    return stack_from_tf1(list(zip(parts[::2], parts[1::2])))


def stack_to_tf1_tensor(states: Sequence[LSTMState]) -> tf.Tensor:
    """``[B, U0 + P0 + U1 + P1 + …]``: the state of a TF1 ``MultiRNNCell`` with ``state_is_tuple=False``."""
    return tf.concat([to_tf1_tensor(state) for state in states], axis=-1)


# --- two directions ---


def concatenate(forward: LSTMState, backward: LSTMState) -> LSTMState:
    """The state of a bidirectional layer as one: ``h`` beside ``h`` and ``c`` beside ``c``, ``[B, 2 * units]``."""
    return LSTMState(h=tf.concat([forward.h, backward.h], -1), c=tf.concat([forward.c, backward.c], -1))


def merge_directions(forward: LSTMState, backward: LSTMState, how: str = "concatenate") -> LSTMState:
    """One state of the two of a bidirectional layer.

    Args:
      forward, backward: each direction's; where they are lists or TF1 tuples, convert them first:
        ``forward, backward = stack_from_keras(states)``.
      how: ``concatenate`` them (``[B, 2 * units]``), take their ``sum``, or the ``forward`` one alone.
    """
    if how == "concatenate":
        return concatenate(forward, backward)
    if how == "forward":
        return forward
    if how != "sum":
        raise UserError(f"{how!r} is no way to merge directions; there are {', '.join(DIRECTIONS)}.")
    for name, one, other in zip(LSTMState._fields, forward, backward):
        if not one.shape.is_compatible_with(other.shape):
            raise UserError(
                f"The states of two directions cannot be summed: {name} is {_shape(one)} forward and"
                f" {_shape(other)} backward."
            )
    return LSTMState(h=forward.h + backward.h, c=forward.c + backward.c)


# --- carried from window to window ---


def reset_rows(state: Any, rows: tf.Tensor, initial_state: Any = None) -> Any:
    """Starts some rows of a carried state anew, whatever they held (NaN, too); no gradient flows back from them.

    Args:
      state: an ``LSTMState``, or any nest of them (a tuple of layers, a dictionary), every part ``[B, …]``.
      rows: ``[B]`` bool, True where a new sequence begins.
      initial_state: what these rows start from: the same nest, every part ``[B, …]`` or ``[1, …]``; None: zeros.

    Returns:
      the same nest.
    """
    rows = tf.convert_to_tensor(rows)
    if rows.dtype != tf.bool or rows.shape.rank not in (1, None):
        raise UserError(
            f"reset_rows takes a bool for every row, [B], and rows is {rows.dtype.name} {_shape(rows)}."
        )

    def reset(part: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
        if not rows.shape.is_compatible_with(part.shape[:1]):
            raise UserError(
                f"reset_rows takes a bool for every row: rows is {_shape(rows)}, the state {_shape(part)}."
            )
        return tf.where(tf.reshape(rows, [-1] + [1] * (part.shape.rank - 1)), start, part)

    if initial_state is None:
        initial_state = tf.nest.map_structure(lambda part: tf.zeros([], part.dtype), state)
    try:
        return tf.nest.map_structure(reset, state, initial_state)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"reset_rows: initial_state is not built like state: {reason}") from error


# --- what cannot be right ---


def check_state(
    state: Any,
    *,
    units: int,
    output_size: int | None = None,
    batch_size: tf.Tensor | int | None = None,
    dtype: tf.DType | None = None,
    name: str = "initial_state",
) -> LSTMState:
    """Refuses what cannot be the state of a layer, as far as structure, static shapes and dtypes reveal it.

    Args:
      state: what was given.
      units: U of the layer.
      output_size: P of the layer; None: U.
      batch_size: B, where it is known.
      dtype: what the layer computes in; None: any floating-point type but float64.
      name: of the argument, for the message.

    Returns:
      ``state``.

    Raises:
      UserError: it is no ``LSTMState``, a shape or a dtype does not fit, or ``h`` and ``c`` are swapped.
    """
    if _fields(state) != LSTMState._fields:
        raise UserError(f"{name} must be an LSTMState(h, c) and is {_said(state)}.")
    output_size = output_size or units
    rows = None if batch_size is None else tf.get_static_value(batch_size)
    for part, value in zip(LSTMState._fields, state):
        _check_dtype(value, dtype, f"{name}.{part}")
    wanted = LSTMState(h=tf.TensorShape([rows, output_size]), c=tf.TensorShape([rows, units]))
    given = LSTMState(*(tf.TensorShape(value.shape) for value in state))
    if given.h.is_compatible_with(wanted.h) and given.c.is_compatible_with(wanted.c):
        if given.h[:1].is_compatible_with(given.c[:1]):
            return state
        raise UserError(f"{name}.h has {given.h[0]} rows and {name}.c has {given.c[0]}.")
    if given.h.is_compatible_with(wanted.c) and given.c.is_compatible_with(wanted.h):
        raise UserError(
            f"{name}: h and c look swapped: TF1 keeps (c, h), Keras [h, c]; use from_tf1 or from_keras of"
            f" seq2seq.state. Here h is {_shape(state.h)} and c {_shape(state.c)}; this layer has h [B, {output_size}]"
            f" and c [B, {units}]."
        )
    part = "c" if given.h.is_compatible_with(wanted.h) else "h"
    raise UserError(
        f"{name}.{part} has the shape {_shape(getattr(state, part))}, and this layer's {part} is"
        f" {_brackets(getattr(wanted, part))}."
    )


def check_stack(
    states: Any,
    *,
    units: Sequence[int],
    output_sizes: Sequence[int] | None = None,
    batch_size: tf.Tensor | int | None = None,
    dtype: tf.DType | None = None,
    name: str = "initial_state",
) -> States:
    """``check_state`` for a tuple of one state per layer; ``units`` and ``output_sizes`` name every layer's."""
    layers = len(units)
    if not isinstance(states, (tuple, list)) or _fields(states) or not all(map(_fields, states)):
        raise UserError(
            f"{name} must be a tuple of {layers} LSTMState(h, c), one per layer, and is {_said(states, 'stack_')}."
        )
    if len(states) != layers:
        raise UserError(f"{name} is a tuple of {len(states)}, and there are {layers} layers.")
    return tuple(
        check_state(
            state, units=u, output_size=p, batch_size=batch_size, dtype=dtype, name=f"{name}[{layer}]"
        )
        for layer, (state, u, p) in enumerate(zip(states, units, output_sizes or units))
    )


def _check_dtype(value: Any, dtype: tf.DType | None, name: str) -> None:
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        raise UserError(f"{name} must be a tensor and is {type(value).__name__}.")
    given = tf.as_dtype(value.dtype)
    if given == dtype or (dtype is None and given.is_floating and given != tf.float64):
        return
    wanted = tf.as_dtype(dtype or tf.float32).name
    numpy = "; NumPy makes float64 unless it is told otherwise" if given == tf.float64 else ""
    raise UserError(f"{name} is {given.name}, and the layer computes in {wanted}: cast it{numpy}.")


def _pair(states: Any, function: str, order: str, fields: tuple[str, ...] | None) -> Sequence[tf.Tensor]:
    """The two parts of a state in another's order, unless it can be seen not to be one."""
    if not isinstance(states, (list, tuple)) or _fields(states) not in (None, fields):
        raise UserError(f"{function} takes {order}, and this is {_said(states)}.")
    if len(states) != 2 or any(isinstance(part, (list, tuple)) for part in states):
        raise UserError(
            f"{function} takes {order} of one layer, and this holds {len(tf.nest.flatten(states))} tensors;"
            f" several layers or directions are for stack_{function}."
        )
    return states


def _fields(state: Any) -> tuple[str, ...] | None:
    """Of a named tuple; a loaded SavedModel makes such classes anew, so that the names say what it is."""
    return getattr(state, "_fields", None)


def _said(state: Any, prefix: str = "") -> str:
    """What was given instead, and which conversion (of one layer, or with ``stack_`` before it) it asks for."""
    if _fields(state) == LSTMState._fields:
        return "an LSTMState(h, c)"
    if _fields(state) == ("c", "h"):
        return "TF1's LSTMStateTuple(c, h): use from_tf1"
    if isinstance(state, (list, tuple)):
        kind = f"{'list' if isinstance(state, list) else 'tuple'} of {len(state)}"
        if state and all(_fields(part) == LSTMState._fields for part in state):
            return f"a {kind} LSTMStates"
        return (
            f"a bare {kind}: use {prefix}from_keras where it is in Keras' order (h, c), {prefix}from_tf1 where it"
            " is in TF1's (c, h)"
        )
    if hasattr(state, "shape"):
        return (
            f"a tensor {_shape(state)}: use {prefix}from_tf1_tensor where it is TF1's c and h side by side"
            " (state_is_tuple=False)"
        )
    return f"of the type {type(state).__name__}"


def _shape(value: Any) -> str:
    return _brackets(tf.TensorShape(value.shape))


def _brackets(shape: tf.TensorShape) -> str:
    if shape.rank is None:
        return "[…]"
    return f"[{', '.join('B' if size is None else str(size) for size in shape)}]"
