"""Which encoder state each decoder layer starts from."""

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.layers.bridge import Bridge
from seq2seq.state import LSTMState
from tests.closeness import assert_close

B = 2


def sizes(units: int) -> LSTMState:
    return LSTMState(h=units, c=units)


def states(layers: int, units: int) -> tuple[LSTMState, ...]:
    return tuple(
        LSTMState(h=tf.fill([B, units], float(k + 1)), c=tf.fill([B, units], -float(k + 1)))
        for k in range(layers)
    )


@pytest.mark.parametrize(
    ("encoder_layers", "decoder_layers", "copied"),
    [(1, 1, [1]), (2, 2, [1, 2]), (3, 1, [3]), (3, 2, [2, 3]), (1, 3, [1, 1, 1]), (2, 3, [1, 1, 2])],
)
def test_copy_aligns_at_the_top(encoder_layers: int, decoder_layers: int, copied: list) -> None:
    bridge = Bridge(
        "copy", encoder_sizes=[sizes(4)] * encoder_layers, decoder_sizes=[sizes(4)] * decoder_layers
    )
    result = bridge(states(encoder_layers, 4))
    for state, layer in zip(result, copied):
        np.testing.assert_array_equal(state.h, np.full([B, 4], layer))
        np.testing.assert_array_equal(state.c, np.full([B, 4], -layer))
    assert len(result) == decoder_layers


def test_copy_says_why_it_cannot() -> None:
    with pytest.raises(UserError, match=r"state of 8 .* decoder layer 1 of 6 units; make them equal"):
        Bridge("copy", encoder_sizes=[sizes(8)], decoder_sizes=[sizes(6)])


def test_zero_takes_the_batch_from_the_encoder() -> None:
    result = Bridge("zero", encoder_sizes=[sizes(4)], decoder_sizes=[sizes(3)] * 2)(states(1, 4))
    for state in result:
        for part in state:
            np.testing.assert_array_equal(part, np.zeros([B, 3]))


def test_dense_is_a_tanh_for_h_and_linear_for_c() -> None:
    bridge = Bridge("dense", encoder_sizes=[sizes(4)] * 2, decoder_sizes=[sizes(3)])
    given = states(2, 4)
    (state,) = bridge(given)
    h, c = (np.concatenate([getattr(s, part) for s in given], -1) for part in ("h", "c"))
    assert_close(state.h, np.tanh(h @ bridge.h_layers[0].kernel.numpy()))
    assert_close(state.c, c @ bridge.c_layers[0].kernel.numpy())
