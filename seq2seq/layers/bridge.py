"""From the encoder's final state to the decoder's initial state."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.state import LSTMState, zero_state

KINDS = ("zero", "copy", "dense")


class Bridge(tf.keras.layers.Layer):
    """Maps the states of the encoder's layers to those of the decoder's.

    ``zero``: the decoder starts from zeros. ``copy``: states are taken as they are, the encoder's top layers for the
    decoder's layers, and the top one again where the decoder is deeper; a bidirectional encoder gives forward and
    backward halves side by side, so its ``2 * units`` must equal the decoder's units. ``dense``: every decoder layer
    gets a learned projection of all encoder states, with a tanh on ``h`` (an output, in (-1, 1)) and none on ``c``
    (unbounded).

    Args:
      kind: one of the above.
      encoder_units: size of the state of each encoder layer (both directions together).
      decoder_units: size of the state of each decoder layer.

    Raises:
      UserError: ``copy`` between states of different sizes.
    """

    def __init__(
        self, kind: str, *, encoder_units: list[int], decoder_units: list[int], name: str = "bridge"
    ) -> None:
        super().__init__(name=name)
        if kind not in KINDS:
            raise ValueError(f"bridge {kind!r} is not one of {', '.join(KINDS)}")
        self.kind = kind
        self.decoder_units = decoder_units
        # For each decoder layer the encoder layer whose state it copies: aligned at the top.
        offset = len(encoder_units) - len(decoder_units)
        self.source_layers = [
            min(max(k + offset, 0), len(encoder_units) - 1) for k in range(len(decoder_units))
        ]
        if kind == "copy":
            for k, source in enumerate(self.source_layers):
                if encoder_units[source] != decoder_units[k]:
                    raise UserError(
                        f"model.bridge=copy cannot copy a state of {encoder_units[source]} (encoder layer "
                        f"{source + 1}, both directions together) into decoder layer {k + 1} of {decoder_units[k]} "
                        f"units; set model.decoder.units={encoder_units[source]} or choose model.bridge=dense."
                    )
        if kind == "dense":
            self.h_layers = [
                tf.keras.layers.Dense(n, activation="tanh", name=f"h_{k}")
                for k, n in enumerate(decoder_units)
            ]
            self.c_layers = [tf.keras.layers.Dense(n, name=f"c_{k}") for k, n in enumerate(decoder_units)]

    def call(self, states: tuple[LSTMState, ...]) -> tuple[LSTMState, ...]:
        """Args: one state per encoder layer, ``[B, encoder_units]``. Returns: one per decoder layer."""
        if self.kind == "zero":
            batch_size = tf.shape(states[0].h)[0]
            return tuple(zero_state(batch_size, units, states[0].h.dtype) for units in self.decoder_units)
        if self.kind == "copy":
            return tuple(states[source] for source in self.source_layers)
        h = tf.concat([state.h for state in states], -1)
        c = tf.concat([state.c for state in states], -1)
        return tuple(LSTMState(h=to_h(h), c=to_c(c)) for to_h, to_c in zip(self.h_layers, self.c_layers))
