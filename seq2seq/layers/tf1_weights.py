"""The weights of TensorFlow 1's LSTM cells as ours, and back.

``LSTMCell``, ``BasicLSTMCell``, ``LSTMBlockCell`` and ``LSTMBlockFusedCell`` save the same names in the same order.
D is the depth of the inputs, U the units, P the size of ``h``:

============================================  ==========================================================
TensorFlow 1                                  ours (``LSTMCell``)
============================================  ==========================================================
``kernel`` ``[D + P, 4U]``, gates i, g, f, o  ``kernel`` ``[D, 4U]``, ``recurrent_kernel`` ``[P, 4U]``,
                                              gates i, f, g, o as in Keras
``bias`` ``[4U]``, gates i, g, f, o           ``bias`` ``[4U]``, gates i, f, g, o, ``forget_bias`` in f's
``w_i_diag``, ``w_f_diag``, ``w_o_diag``      ``peephole_i``, ``peephole_f``, ``peephole_o`` ``[U]``
``projection/kernel`` ``[U, P]``              ``projection_kernel`` ``[U, P]``
============================================  ==========================================================

TensorFlow 1 adds ``forget_bias`` (1 unless its code says otherwise) at run time and saves a bias without it. Clips are
no weights: a checkpoint does not know them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.layers.lstm_cell import LSTMCell

Arrays = dict[str, np.ndarray]
Shapes = Mapping[str, Sequence[int]]

COUNTERPARTS: dict[str, tuple[str, ...]] = {
    "kernel": ("kernel", "recurrent_kernel"),
    "bias": ("bias",),
    "w_i_diag": ("peephole_i",),
    "w_f_diag": ("peephole_f",),
    "w_o_diag": ("peephole_o",),
    "projection/kernel": ("projection_kernel",),
}
"""By TensorFlow 1's name of a weight, what it becomes here."""

_UNCHANGED = {tf1: names[0] for tf1, names in COUNTERPARTS.items() if tf1 not in ("kernel", "bias")}
_NORMS = [f"{part}_norm_{kind}" for part in ("kernel", "recurrent", "state") for kind in ("gamma", "beta")]
_OPTIONS = {"peephole": "use_peepholes", "projection": "num_proj", "kernel_norm": "layer_norm"}


class CellSizes(NamedTuple):
    """What the shapes of its weights say of a cell: D, U, ``num_proj`` (0: none), and whether there are peepholes."""

    inputs: int
    units: int
    num_proj: int
    use_peepholes: bool

    def __str__(self) -> str:
        num_proj = f", num_proj {self.num_proj}" if self.num_proj else ""
        return (
            f"{self.units} units, {self.inputs} inputs{num_proj}{', peepholes' if self.use_peepholes else ''}"
        )


# --- between the two ---


def from_tf1_weights(arrays: Mapping[str, np.ndarray], forget_bias: float = 1.0, scope: str = "") -> Arrays:
    """A TensorFlow 1 cell's weights as ours.

    Args:
      arrays: by the names in ``COUNTERPARTS``; peepholes and projection only where the cell has them.
      forget_bias: of the TensorFlow 1 cell; added to the bias.
      scope: of the names, for messages.

    Raises:
      UserError: a weight is missing, or unknown, or its shape does not go with the kernel's.
    """
    sizes = tf1_sizes({name: array.shape for name, array in arrays.items()}, scope)
    kernel, bias = _f_and_g_swapped(arrays["kernel"]), _f_and_g_swapped(arrays["bias"])
    bias[sizes.units : 2 * sizes.units] += forget_bias
    unchanged = {ours: np.array(arrays[tf1]) for tf1, ours in _UNCHANGED.items() if tf1 in arrays}
    return {
        "kernel": kernel[: sizes.inputs],
        "recurrent_kernel": kernel[sizes.inputs :],
        "bias": bias,
        **unchanged,
    }


def to_tf1_weights(arrays: Mapping[str, np.ndarray], forget_bias: float = 1.0) -> Arrays:
    """Our cell's weights as TensorFlow 1's.

    Args:
      arrays: by our names, from ``cell_arrays`` or ``from_tf1_weights``.
      forget_bias: of the TensorFlow 1 cell that will read them; taken from the bias.

    Raises:
      UserError: as ``from_tf1_weights``; layer normalisation is unknown to TensorFlow 1's cells.
    """
    sizes = own_sizes({name: array.shape for name, array in arrays.items()})
    bias = np.array(arrays["bias"])
    bias[sizes.units : 2 * sizes.units] -= forget_bias
    unchanged = {tf1: np.array(arrays[ours]) for tf1, ours in _UNCHANGED.items() if ours in arrays}
    kernel = np.concatenate([arrays["kernel"], arrays["recurrent_kernel"]])
    return {"kernel": _f_and_g_swapped(kernel), "bias": _f_and_g_swapped(bias), **unchanged}


def tf1_sizes(shapes: Shapes, scope: str = "") -> CellSizes:
    """The sizes of a TensorFlow 1 cell.

    Args:
      shapes: of its weights, by the names in ``COUNTERPARTS``.
      scope: of the names, for messages.

    Raises:
      UserError: as ``from_tf1_weights``.
    """
    rows, units = _kernel_sizes(shapes, scope)
    num_proj = int(shapes["projection/kernel"][-1]) if shapes.get("projection/kernel") else 0
    sizes = CellSizes(
        inputs=rows - (num_proj or units),
        units=units,
        num_proj=num_proj,
        use_peepholes=any(name.startswith("w_") for name in shapes),
    )
    if sizes.inputs < 1:
        raise UserError(
            f"{_join(scope, 'kernel')} is {_brackets(shapes['kernel'])}: no rows for inputs are left, since"
            f" h alone takes {num_proj or units}."
        )
    _check(shapes, _tf1_shapes(sizes), scope)
    return sizes


def own_sizes(shapes: Shapes) -> CellSizes:
    """The sizes of one of our cells, from the shapes of its weights by our names.

    Raises:
      UserError: as ``to_tf1_weights``.
    """
    inputs, units = _kernel_sizes(shapes)
    projection = shapes.get("projection_kernel")
    sizes = CellSizes(
        inputs=inputs,
        units=units,
        num_proj=int(projection[-1]) if projection else 0,
        use_peepholes=any(name.startswith("peephole_") for name in shapes),
    )
    _check(shapes, _own_shapes(sizes))
    return sizes


# --- into a cell and out of it ---


def cell_arrays(cell: LSTMCell) -> Arrays:
    """The weights of a built cell, by our names."""
    return {name: variable.numpy() for name, variable in _variables(cell).items()}


def load_cell(cell: LSTMCell, arrays: Mapping[str, np.ndarray], name: str = "the cell") -> None:
    """Puts weights into a cell, all or none; a cell that is not built yet is built for them.

    Args:
      cell: of the units and options that the weights have.
      arrays: by our names, from ``from_tf1_weights``.
      name: of the cell, for messages.

    Raises:
      UserError: they do not fit the cell.
    """
    if not cell.built:
        cell.build(tf.TensorShape([None, arrays["kernel"].shape[0]]))
    variables = _variables(cell)
    for weight in [*arrays, *variables]:
        given = _brackets(arrays[weight].shape) if weight in arrays else "not there"
        wanted = _brackets(variables[weight].shape) if weight in variables else "not there"
        if given != wanted:
            option = next((text for prefix, text in _OPTIONS.items() if weight.startswith(prefix)), "")
            cause = f" ({option} differs)" if option and "not there" in (given, wanted) else ""
            raise UserError(
                f"The weights do not fit {name}: {weight} is {given} in the weights and {wanted} in {name}{cause}."
            )
    for weight, variable in variables.items():
        variable.assign(arrays[weight].astype(variable.dtype.as_numpy_dtype))


def _variables(cell: LSTMCell) -> dict[str, tf.Variable]:
    names = [name for ours in COUNTERPARTS.values() for name in ours] + _NORMS
    return {name: getattr(cell, name) for name in names if hasattr(cell, name)}


# --- shapes ---


def _own_shapes(sizes: CellSizes) -> Shapes:
    inputs, units, num_proj, use_peepholes = sizes
    shapes: dict[str, Sequence[int]] = {
        "kernel": [inputs, 4 * units],
        "recurrent_kernel": [num_proj or units, 4 * units],
        "bias": [4 * units],
    }
    if use_peepholes:
        shapes.update({f"peephole_{gate}": [units] for gate in "ifo"})
    if num_proj:
        shapes["projection_kernel"] = [units, num_proj]
    return shapes


def _tf1_shapes(sizes: CellSizes) -> Shapes:
    own = _own_shapes(sizes)
    shapes = {tf1: own[names[0]] for tf1, names in COUNTERPARTS.items() if names[0] in own}
    return {**shapes, "kernel": [sizes.inputs + (sizes.num_proj or sizes.units), 4 * sizes.units]}


def _kernel_sizes(shapes: Shapes, scope: str = "") -> tuple[int, int]:
    """Rows and units of the kernel, which the shapes of all other weights follow from."""
    name, shape = _join(scope, "kernel"), shapes.get("kernel")
    if shape is None:
        raise UserError(f"{name} is missing; there are {', '.join(sorted(shapes)) or 'no weights at all'}.")
    if len(shape) != 2 or shape[1] % 4 or not shape[1]:
        raise UserError(f"{name} is {_brackets(shape)}, and an LSTM's is [rows, 4 * units].")
    return int(shape[0]), int(shape[1]) // 4


def _check(shapes: Shapes, expected: Shapes, scope: str = "") -> None:
    """Refuses weights that are not exactly those of a cell with this kernel."""
    beside = f"beside kernel {_brackets(shapes['kernel'])}"
    for name in [*expected, *shapes]:
        if name not in shapes:
            raise UserError(
                f"{_join(scope, name)} is missing: {beside} it must be {_brackets(expected[name])}."
            )
        if name not in expected:
            raise UserError(
                f"{_join(scope, name)} {_brackets(shapes[name])} has no counterpart: TensorFlow 1's LSTM cells and ours"
                f" share {', '.join(expected)}."
            )
        if list(shapes[name]) != list(expected[name]):
            raise UserError(
                f"{_join(scope, name)} is {_brackets(shapes[name])}, and {beside} it must be"
                f" {_brackets(expected[name])}."
            )


def _f_and_g_swapped(x: np.ndarray) -> np.ndarray:
    """Gates i, f, g, o from i, g, f, o and the other way round, along the last axis."""
    first, second, third, last = np.split(x, 4, axis=-1)
    return np.concatenate([first, third, second, last], axis=-1)


def _join(scope: str, name: str) -> str:
    return f"{scope}/{name}" if scope else name


def _brackets(shape: Sequence[int]) -> str:
    return f"[{', '.join(map(str, shape))}]"
