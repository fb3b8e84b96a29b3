"""TensorFlow 1's weights in our cell give TensorFlow 1's outputs, and ours in TensorFlow 1's cell give ours."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.layers.lstm_cell import CellOptions, LSTMCell
from seq2seq.layers.tf1_weights import (
    cell_arrays,
    from_tf1_weights,
    load_cell,
    own_sizes,
    tf1_sizes,
    to_tf1_weights,
)
from tests.layers.tf1_cells import PROJ, UNITS, VARIANTS, D, assert_steps_equal, run

FULL = CellOptions(use_peepholes=True, num_proj=PROJ)


def tf1_arrays(options: CellOptions = FULL) -> dict[str, np.ndarray]:
    """Every number differs from every other; counting from the first of the kernel."""
    output_size = options.num_proj or UNITS
    shapes: dict[str, list[int]] = {"kernel": [D + output_size, 4 * UNITS], "bias": [4 * UNITS]}
    if options.use_peepholes:
        shapes |= {f"w_{gate}_diag": [UNITS] for gate in "ifo"}
    if options.num_proj:
        shapes["projection/kernel"] = [UNITS, output_size]
    arrays, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        arrays[name] = np.arange(start, start + size, dtype=np.float32).reshape(shape)
        start += size
    return arrays


# --- the same numbers come out ---


@pytest.mark.parametrize("variant", VARIANTS)
def test_their_weights_in_our_cell(variant: str) -> None:
    kind, options = VARIANTS[variant]
    wanted = run(kind, options)
    cell = LSTMCell(UNITS, options)
    load_cell(cell, from_tf1_weights(wanted.weights, options.forget_bias))
    assert_steps_equal(cell, wanted)


@pytest.mark.parametrize("variant", ["lstm, everything", "basic", "block, peepholes, cell_clip", "fused"])
def test_our_weights_in_their_cell(variant: str) -> None:
    kind, options = VARIANTS[variant]
    cell = LSTMCell(UNITS, options)
    cell.build(tf.TensorShape([None, D]))
    weights = to_tf1_weights(cell_arrays(cell), options.forget_bias)
    assert_steps_equal(cell, run(kind, options, weights=weights))


# --- which number goes where ---


def test_places() -> None:
    arrays = tf1_arrays()
    ours = from_tf1_weights(arrays, forget_bias=0.5)
    i, g, f, o = np.split(arrays["kernel"], 4, axis=1)
    np.testing.assert_array_equal(ours["kernel"], np.concatenate([i, f, g, o], 1)[:D])
    np.testing.assert_array_equal(ours["recurrent_kernel"], np.concatenate([i, f, g, o], 1)[D:])
    i, g, f, o = np.split(arrays["bias"], 4)
    np.testing.assert_array_equal(ours["bias"], np.concatenate([i, f + 0.5, g, o]))
    for tf1, name in (("w_i_diag", "peephole_i"), ("w_f_diag", "peephole_f"), ("w_o_diag", "peephole_o")):
        np.testing.assert_array_equal(ours[name], arrays[tf1])
    np.testing.assert_array_equal(ours["projection_kernel"], arrays["projection/kernel"])
    assert len(ours) == 7


@pytest.mark.parametrize("options", [CellOptions(), FULL])
def test_there_and_back(options: CellOptions) -> None:
    arrays = tf1_arrays(options)
    given = {name: array.copy() for name, array in arrays.items()}
    ours = from_tf1_weights(arrays, forget_bias=1.0)
    back = to_tf1_weights(ours, forget_bias=1.0)
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)  # whole numbers: the forget bias rounds nothing
        np.testing.assert_array_equal(given[name], array)  # and nothing was changed in place


def test_sizes() -> None:
    arrays = tf1_arrays()
    sizes = tf1_sizes({name: array.shape for name, array in arrays.items()})
    assert sizes == (D, UNITS, PROJ, True)
    assert own_sizes({name: array.shape for name, array in from_tf1_weights(arrays).items()}) == sizes
    assert str(sizes) == "4 units, 5 inputs, num_proj 3, peepholes"
    assert str(tf1_sizes({"kernel": (9, 16), "bias": (16,)})) == "4 units, 5 inputs"


# --- what does not fit ---


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kernel": None}, "rnn/kernel is missing; there are bias, projection/kernel, w_f_diag"),
        ({"kernel": [8, 18]}, "rnn/kernel is [8, 18], and an LSTM's is [rows, 4 * units]"),
        ({"kernel": [8, 2, 16]}, "rnn/kernel is [8, 2, 16], and an LSTM's"),
        ({"kernel": [3, 16]}, "rnn/kernel is [3, 16]: no rows for inputs are left, since h alone takes 3"),
        ({"bias": None}, "rnn/bias is missing: beside kernel [8, 16] it must be [16]"),
        ({"bias": [12]}, "rnn/bias is [12], and beside kernel [8, 16] it must be [16]"),
        ({"w_f_diag": None}, "rnn/w_f_diag is missing: beside kernel [8, 16] it must be [4]"),
        ({"w_o_diag": [3]}, "rnn/w_o_diag is [3], and beside kernel [8, 16] it must be [4]"),
        (
            {"projection/kernel": [5, 3]},
            "rnn/projection/kernel is [5, 3], and beside kernel [8, 16] it must be [4, 3]",
        ),
        ({"projection/bias": [3]}, "rnn/projection/bias [3] has no counterpart"),
    ],
)
def test_tf1_weights_that_are_no_cell(changes: dict[str, list[int] | None], said: str) -> None:
    arrays = {
        **tf1_arrays(),
        **{n: None if s is None else np.zeros(s, np.float32) for n, s in changes.items()},
    }
    with pytest.raises(UserError) as error:
        from_tf1_weights({n: a for n, a in arrays.items() if a is not None}, scope="rnn")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kernel": None}, "kernel is missing"),
        (
            {"recurrent_kernel": [4, 16]},
            "recurrent_kernel is [4, 16], and beside kernel [5, 16] it must be [3, 16]",
        ),
        ({"peephole_i": None}, "peephole_i is missing"),
        ({"kernel_norm_gamma": [16]}, "kernel_norm_gamma [16] has no counterpart"),
    ],
)
def test_our_weights_that_are_no_cell(changes: dict[str, list[int] | None], said: str) -> None:
    ours = from_tf1_weights(tf1_arrays())
    arrays = {**ours, **{n: None if s is None else np.zeros(s, np.float32) for n, s in changes.items()}}
    with pytest.raises(UserError) as error:
        to_tf1_weights({n: a for n, a in arrays.items() if a is not None})
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("units", "options", "inputs", "said"),
    [
        (UNITS, FULL, D + 1, "kernel is [5, 16] in the weights and [6, 16] in decoder/cell_0."),
        (UNITS + 1, FULL, D, "kernel is [5, 16] in the weights and [5, 20] in decoder/cell_0."),
        (
            UNITS,
            CellOptions(use_peepholes=True, num_proj=2),
            D,
            "recurrent_kernel is [3, 16] in the weights and [2, 16]",
        ),
        (
            UNITS,
            CellOptions(num_proj=PROJ),
            D,
            "peephole_i is [4] in the weights and not there in decoder/cell_0 (use_peepholes differs).",
        ),
        (
            UNITS,
            CellOptions(num_proj=PROJ, use_peepholes=True, layer_norm=True),
            D,
            "kernel_norm_gamma is not there in the weights and [16] in decoder/cell_0 (layer_norm differs).",
        ),
    ],
)
def test_a_cell_that_they_do_not_fit(units: int, options: CellOptions, inputs: int, said: str) -> None:
    cell = LSTMCell(units, options)
    cell.build(tf.TensorShape([None, inputs]))
    before = cell_arrays(cell)
    with pytest.raises(UserError) as error:
        load_cell(cell, from_tf1_weights(tf1_arrays()), "decoder/cell_0")
    assert f"The weights do not fit decoder/cell_0: {said}" in str(error.value)
    for name, array in cell_arrays(cell).items():
        np.testing.assert_array_equal(array, before[name])


def test_the_names_of_a_cells_weights_are_all_known() -> None:
    cell = LSTMCell(UNITS, CellOptions(use_peepholes=True, num_proj=PROJ, layer_norm=True))
    cell.build(tf.TensorShape([None, D]))
    assert len(cell_arrays(cell)) == len(cell.weights)
