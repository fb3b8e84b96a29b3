"""From the encoder's final state to the decoder's initial state."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.keras2 import keras
from seq2seq.state import LSTMState, zero_state

KINDS = ("zero", "copy", "dense")


def _sizes(size: LSTMState) -> str:
    return f"{size.c} units" if size.h == size.c else f"{size.c} units projected to {size.h}"


class Bridge(keras.layers.Layer):
    """Maps the states of the encoder's layers to those of the decoder's.

    ``zero``: the decoder starts from zeros. ``copy``: states are taken as they are, the encoder's top layers for the
    decoder's layers, and the top one again where the decoder is deeper; a bidirectional encoder gives forward and
    backward halves side by side, so twice its sizes must equal the decoder's. ``dense``: every decoder layer
    gets a learned projection of all encoder states, with a tanh on ``h`` (an output, in (-1, 1)) and none on ``c``
    (unbounded).

    Args:
      kind: one of the above.
      encoder_sizes: size of ``h`` and of ``c`` of each encoder layer (both directions together).
      decoder_sizes: the same of each decoder layer.

    Raises:
      UserError: ``copy`` between states of different sizes.
    """

    def __init__(
        self,
        kind: str,
        *,
        encoder_sizes: Sequence[LSTMState],
        decoder_sizes: Sequence[LSTMState],
        name: str = "bridge",
    ) -> None:
        super().__init__(name=name)
        if kind not in KINDS:
            raise ValueError(f"bridge {kind!r} is not one of {', '.join(KINDS)}")
        self.kind = kind
        self.decoder_sizes = tuple(decoder_sizes)
        # For each decoder layer the encoder layer whose state it copies: aligned at the top.
        offset = len(encoder_sizes) - len(decoder_sizes)
        self.source_layers = [
            min(max(k + offset, 0), len(encoder_sizes) - 1) for k in range(len(decoder_sizes))
        ]
        if kind == "copy":
            for k, source in enumerate(self.source_layers):
                if tuple(encoder_sizes[source]) != tuple(decoder_sizes[k]):
                    raise UserError(
                        f"model.bridge=copy cannot copy a state of {_sizes(encoder_sizes[source])} (encoder layer "
                        f"{source + 1}, both directions together) into decoder layer {k + 1} of "
                        f"{_sizes(decoder_sizes[k])}; make them equal or choose model.bridge=dense."
                    )
        if kind == "dense":
            self.h_layers = [
                keras.layers.Dense(size.h, activation="tanh", name=f"h_{k}")
                for k, size in enumerate(decoder_sizes)
            ]
            self.c_layers = [
                keras.layers.Dense(size.c, name=f"c_{k}") for k, size in enumerate(decoder_sizes)
            ]

    def call(self, states: tuple[LSTMState, ...]) -> tuple[LSTMState, ...]:
        """Args: one state per encoder layer. Returns: one per decoder layer."""
        if self.kind == "zero":
            batch_size = tf.shape(states[0].h)[0]
            dtype = states[0].h.dtype
            return tuple(zero_state(batch_size, size.c, size.h, dtype) for size in self.decoder_sizes)
        if self.kind == "copy":
            return tuple(states[source] for source in self.source_layers)
        h = tf.concat([state.h for state in states], -1)
        c = tf.concat([state.c for state in states], -1)
        return tuple(LSTMState(h=to_h(h), c=to_c(c)) for to_h, to_c in zip(self.h_layers, self.c_layers))
