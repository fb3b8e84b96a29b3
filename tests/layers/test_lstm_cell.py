"""One step of a cell against its formula in NumPy, what it starts from, and what it refuses."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.keras2 import rnn_cell
from seq2seq.layers.lstm_cell import CellOptions, LSTMCell
from seq2seq.layers.stacked_cell import StackedCell
from seq2seq.state import LSTMState
from tests.closeness import assert_close
from tests.contracts.cells import CELLS

B, D, UNITS = 3, 4, 5


def built(options: CellOptions, seed: int = 0) -> LSTMCell:
    cell = LSTMCell(UNITS, options)
    cell.build(tf.TensorShape([None, D]))
    rng = np.random.default_rng(seed)
    for weight in cell.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    return cell


def step(cell: LSTMCell, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The step in double precision: Hochreiter & Schmidhuber, Gers, Sak, Ba, in this order."""
    options = cell.options
    w = {
        weight.name.split(":")[0].split("/")[-1]: weight.numpy().astype(np.float64)
        for weight in cell.variables
    }

    def sigmoid(a: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-a))

    def norm(a: np.ndarray, part: str) -> np.ndarray:
        if not options.layer_norm:
            return a
        scaled = (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-3)
        return scaled * w[f"{part}_norm_gamma"] + w[f"{part}_norm_beta"]

    z = norm(x @ w["kernel"], "kernel") + norm(h @ w["recurrent_kernel"], "recurrent") + w["bias"]
    i, f, g, o = np.split(z, 4, axis=1)
    peephole_i, peephole_f, peephole_o = (w.get(f"peephole_{gate}", 0.0) for gate in "ifo")
    c = sigmoid(f + peephole_f * c) * c + sigmoid(i + peephole_i * c) * np.tanh(g)
    c = norm(c, "state")
    if options.cell_clip:
        c = np.clip(c, -options.cell_clip, options.cell_clip)
    h = sigmoid(o + peephole_o * c) * np.tanh(c)
    if options.num_proj:
        h = h @ w["projection_kernel"]
    if options.proj_clip:
        h = np.clip(h, -options.proj_clip, options.proj_clip)
    return h, c


@pytest.mark.parametrize("name", CELLS)
def test_a_step_is_the_formula(name: str) -> None:
    cell = built(CELLS[name])
    rng = np.random.default_rng(1)
    x, h, c = (rng.normal(size=(B, size)) for size in (D, cell.output_size, UNITS))
    output, state = cell(tf.constant(x, tf.float32), LSTMState(*(tf.constant(y, tf.float32) for y in (h, c))))
    wanted_h, wanted_c = step(cell, x, h, c)
    assert_close(output, wanted_h)
    assert_close(state.h, wanted_h)
    assert_close(state.c, wanted_c)


def test_what_it_starts_from() -> None:
    cell = LSTMCell(
        UNITS, CellOptions(forget_bias=0.5, num_proj=2, use_peepholes=True), initializer_range=0.1
    )
    cell.build(tf.TensorShape([None, D]))
    np.testing.assert_array_equal(cell.bias, np.repeat(np.float32([0, 0.5, 0, 0]), UNITS))
    kernels = [cell.kernel, cell.recurrent_kernel, cell.projection_kernel, cell.peephole_i, cell.peephole_f]
    for kernel in kernels:
        assert 0.01 < np.max(np.abs(kernel)) <= 0.1
    assert np.any(cell.peephole_i.numpy() != cell.peephole_f.numpy())
    assert cell.state_size == LSTMState(h=2, c=UNITS) and cell.output_size == 2
    zeros = cell.get_initial_state(inputs=tf.ones([B, D]))
    np.testing.assert_array_equal(zeros.h, np.zeros([B, 2]))
    np.testing.assert_array_equal(zeros.c, np.zeros([B, UNITS]))


def test_norms_start_as_no_change_of_scale() -> None:
    cell = LSTMCell(UNITS, CellOptions(layer_norm=True))
    cell.build(tf.TensorShape([None, D]))
    for part in ("kernel", "recurrent", "state"):
        np.testing.assert_array_equal(getattr(cell, f"{part}_norm_gamma"), 1.0)
        np.testing.assert_array_equal(getattr(cell, f"{part}_norm_beta"), 0.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_proj": -1}, "num_proj=-1 is below 0; 0 switches it off."),
        ({"cell_clip": -0.5}, "cell_clip=-0.5 is below 0; 0 switches it off."),
        ({"num_proj": 2, "proj_clip": -1.0}, "proj_clip=-1.0 is below 0; 0 switches it off."),
        ({"proj_clip": 0.5}, "proj_clip=0.5 has nothing to clip without num_proj."),
    ],
)
def test_options_that_make_no_cell(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        CellOptions(**options)


X = np.zeros([B, D], np.float32)
H, C = np.zeros([B, 2], np.float32), np.zeros([B, UNITS], np.float32)


@pytest.mark.parametrize(
    ("inputs", "states", "said"),
    [
        (X.astype(np.float64), LSTMState(H, C), "inputs are float64; they must be float32 (tf.cast makes them so)."),
        (X[0], LSTMState(H, C), "inputs have the shape (4,); they must be [batch, depth]."),
        (X, LSTMState(C, H), "states: h and c look swapped: TF1 keeps (c, h), Keras [h, c]; use from_tf1 or"
         " from_keras of seq2seq.state. Here h is [3, 5] and c [3, 2]; this layer has h [B, 2] and c [B, 5]."),
        (X, [C, H], "states: h and c look swapped: "),
        (X, rnn_cell.LSTMStateTuple(c=C, h=H), "states must be an LSTMState(h, c) and is TF1's "),
        (X, LSTMState(H[:2], C[:2]), "states.h has the shape [2, 2], and this layer's h is [3, 2]."),
        (X, LSTMState(H.astype(np.float64), C), "states.h is float64, and the layer computes in float32: cast it; "),
        (X, (H, C, H), "from_keras takes Keras' [h, c] of one layer, and this holds 3 tensors; "),
    ],
)  # fmt: skip
def test_what_it_refuses(inputs: Any, states: Any, said: str) -> None:
    with pytest.raises(UserError) as refused:
        built(CellOptions(num_proj=2))(inputs, states)
    assert str(refused.value).startswith(said) and "\n" not in str(refused.value)


def test_a_stack_refuses_float64() -> None:
    stack = StackedCell([LSTMCell(UNITS)])
    with pytest.raises(UserError, match=r"^inputs are float64"):
        stack(X.astype(np.float64), stack.get_initial_state(batch_size=B))


def test_keras_order_is_understood() -> None:
    """Keras' layers hand a cell the bare list ``[h, c]``."""
    cell = built(CellOptions())
    rng = np.random.default_rng(2)
    x, h, c = (tf.constant(rng.normal(size=(B, size)), tf.float32) for size in (D, UNITS, UNITS))
    for ours, theirs in zip(cell(x, [h, c])[1], cell(x, LSTMState(h=h, c=c))[1]):
        np.testing.assert_array_equal(ours, theirs)
