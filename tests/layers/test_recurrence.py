"""What runs a recurrence, and what a recurrence refuses; that it is right is proven in ``tests/contracts``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.errors import UserError
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.layers.recurrence import LSTM, choose_kernel
from seq2seq.masking import MaskingPolicy
from seq2seq.state import LSTMState

B, T, D, UNITS = 3, 4, 2, 5
X = np.zeros([B, T, D], np.float32)
H, C = np.zeros([B, 2], np.float32), np.zeros([B, UNITS], np.float32)
FULL = [T] * B


@pytest.mark.parametrize(
    ("policy", "options", "dropout", "gpu", "name", "reason"),
    [
        ("strict", {}, 0.0, True, "loop", "loop (gradient by hand); cuDNN only under masking=cudnn"),
        ("none", {}, 0.0, True, "loop", "loop (gradient by hand); cuDNN only under masking=cudnn"),
        ("static", {"layer_norm": True}, 0.0, True, "loop",
         "loop (general cell: layer_norm); cuDNN only under masking=cudnn"),
        ("cudnn", {}, 0.0, False, "loop", "loop (gradient by hand); cuDNN needs a GPU"),
        ("cudnn", {"forget_bias": 0.0}, 0.0, True, "keras",
         "cuDNN through keras.layers.LSTM; lengths are checked before each step"),
        ("cudnn", {"use_peepholes": True, "num_proj": 3}, 0.2, True, "loop",
         "loop (general cell: use_peepholes, num_proj); cuDNN has no use_peepholes, num_proj, recurrent dropout"),
        ("cudnn", {}, 0.2, True, "loop", "loop (gradient by hand); cuDNN has no recurrent dropout"),
    ],
)  # fmt: skip
def test_choose_kernel(
    policy: str, options: dict[str, Any], dropout: float, gpu: bool, name: str, reason: str
) -> None:
    assert choose_kernel(MaskingPolicy(policy), CellOptions(**options), dropout, gpu=gpu) == (name, reason)


def test_weight_dropout_is_no_matter_of_cudnn() -> None:
    kernel = choose_kernel(MaskingPolicy.CUDNN, CellOptions(), 0.0, gpu=True, weight_dropout=0.5)
    assert kernel == ("loop", "loop (gradient by hand); cuDNN has no weight dropout")


@pytest.mark.parametrize(
    ("inputs", "length", "state", "said"),
    [
        (X.astype(np.float64), FULL, None, "inputs are float64; they must be float32 (tf.cast makes them so)."),
        (X[0], FULL, None, "inputs have the shape (4, 2); they must be [batch, time, depth]."),
        (X[:, :0], [0] * B, None, "inputs have the shape (3, 0, 2); a recurrence reads at least one step."),
        (X, [4, 5, 1], None, "length of row 1 is 5; it must be from 0 to 4, the steps of its tensor."),
        (X, [4, 2, -1], None, "length of row 2 is -1; it must be from 0 to 4, the steps of its tensor."),
        (X, [4, 2], None, "length is int32 (2,); it must have an integer for each of the 3 rows of the inputs."),
        (X, [4.0, 2.0, 1.0], None, "length is float32 (3,); it must have an integer for each of the 3 rows of the"),
        (X, np.ones([B, T], bool), None, "length is bool (3, 4); it must have an integer for each of the 3 rows of"),
        (X, FULL, LSTMState(C, H), "initial_state: h and c look swapped: TF1 keeps (c, h), Keras [h, c]; use from_tf1"),
        (X, FULL, [H, C], "initial_state must be an LSTMState(h, c) and is a bare list of 2: use from_keras where"),
        (X, FULL, (LSTMState(H, C),), "initial_state must be an LSTMState(h, c) and is a tuple of 1 LSTMStates."),
        (X, FULL, LSTMState(H, C.astype(np.float64)), "initial_state.c is float64, and the layer computes in float32:"),
        (X, FULL, LSTMState(H, C.astype(np.float16)), "initial_state.c is float16, and the layer computes in float32:"),
        (X, FULL, LSTMState(H[:1], C[:1]), "initial_state.h has the shape [1, 2], and this layer's h is [3, 2]."),
    ],
)  # fmt: skip
def test_what_it_refuses(inputs: Any, length: Any, state: Any, said: str) -> None:
    with pytest.raises(UserError) as refused:
        LSTM(UNITS, options=CellOptions(num_proj=2))(inputs, length, state)
    assert str(refused.value).startswith(said) and "\n" not in str(refused.value)


def test_keras_kernel_refuses_an_empty_row() -> None:
    with pytest.raises(
        UserError, match=r"^length of row 2 is 0; it must be from 1 to 4, the steps of its tensor\.$"
    ):
        LSTM(UNITS, kernel="keras")(X, [4, 1, 0])


@pytest.mark.parametrize(
    "options", [{"options": CellOptions(cell_clip=1.0)}, {"recurrent_dropout": 0.1}, {"weight_dropout": 0.1}]
)
def test_keras_kernel_is_for_plain_cells(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="plain cells without recurrent or weight dropout"):
        LSTM(UNITS, kernel="keras", **options)


def test_unknown_kernel() -> None:
    with pytest.raises(ValueError, match="kernel 'cudnn' is not one of loop, keras"):
        LSTM(UNITS, kernel="cudnn")


def test_an_encoder_refuses_float64_in_one_sentence() -> None:
    """Within two layers of Keras, which would cast it in silence, and print all arguments around any error."""
    with pytest.raises(
        UserError, match=r"^inputs are float64; they must be float32 \(tf.cast makes them so\)\.$"
    ):
        RecurrentEncoder(layers=1, units=UNITS)(X.astype(np.float64), FULL)


@pytest.mark.parametrize(
    "length", [[4, 1, 0], np.array([4, 1, 0], np.int64), tf.constant([4, 1, 0], tf.uint8)]
)
def test_lengths_of_any_integers(length: Any) -> None:
    inputs = np.cos(np.arange(X.size, dtype=np.float32)).reshape(X.shape)
    encoder = RecurrentEncoder(layers=1, units=UNITS)
    encoded = encoder(inputs, length)
    np.testing.assert_array_equal(encoded.memory, encoder(inputs, tf.constant([4, 1, 0])).memory)
    assert encoded.memory_length.dtype == tf.int32
