"""The recurrent encoder: stacked LSTM layers, in one or both directions."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.layers.recurrence import LSTM
from seq2seq.state import LSTMState, States, check_stack, concatenate


class EncoderOutput(NamedTuple):
    """What an encoder hands on.

    Attributes:
      memory: ``[B, S, D]``, its outputs; zero past the length.
      memory_length: ``[B]`` int32.
      states: the final state of each layer, ``[B, D]`` each.
    """

    memory: tf.Tensor
    memory_length: tf.Tensor
    states: tuple[LSTMState, ...]


class RecurrentEncoder(tf.keras.layers.Layer):
    """Stacked LSTM layers.

    Args:
      layers: how many.
      units: of each direction.
      options: of the cells, see ``CellOptions``.
      bidirectional: read both ways and put outputs and states side by side, so that D is ``2 * output_size``.
      residual: add each layer's input to its output, from the second layer up.
      dropout: on the inputs of each layer after the first.
      output_dropout: on the memory.
      recurrent_dropout: on ``h`` where the recurrent kernels see it.
      variational: one mask per sequence for all of these instead of one per step.
      initializer_range: see ``LSTMCell``.
      kernel: see ``LSTM``.
    """

    def __init__(
        self,
        *,
        layers: int,
        units: int,
        options: CellOptions = CellOptions(),
        bidirectional: bool = True,
        residual: bool = False,
        dropout: float = 0.0,
        output_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        variational: bool = True,
        initializer_range: float = 0.0,
        kernel: str = "own",
        name: str = "encoder",
    ) -> None:
        super().__init__(name=name, autocast=False)  # see LSTMCell
        self.bidirectional = bidirectional
        self.residual = residual
        directions = (False, True) if bidirectional else (False,)
        self.stack = [
            [
                LSTM(
                    units,
                    options=options,
                    reverse=reverse,
                    recurrent_dropout=recurrent_dropout,
                    variational=variational,
                    initializer_range=initializer_range,
                    kernel=kernel,
                    name=f"{'backward' if reverse else 'forward'}_{k}",
                )
                for reverse in directions
            ]
            for k in range(layers)
        ]
        h, c = self.stack[0][0].cell.state_size
        self.depth = h * len(directions)
        self.state_sizes = (LSTMState(h=self.depth, c=c * len(directions)),) * layers
        rates = [dropout] * (layers - 1) + [output_dropout]
        self.dropouts = [
            Dropout(r, variational=variational, name=f"dropout_{k}") for k, r in enumerate(rates)
        ]

    def call(
        self,
        inputs: tf.Tensor,
        length: tf.Tensor,
        initial_states: States | None = None,
        training: bool = False,
    ) -> EncoderOutput:
        """Reads a batch of sequences, or of windows of longer ones.

        Args:
          inputs: ``[B, S, E]`` float32.
          length: ``[B]`` integers from 0 to S (see ``LSTM``); a row that has ended in an earlier window has 0.
          initial_states: one per layer: ``states`` of the window before; zeros where None.
          training: whether dropout is on.

        Raises:
          UserError: states given to a bidirectional encoder; else as ``LSTM``.
        """
        if initial_states is not None:
            if self.bidirectional:
                raise UserError(
                    "initial_states cannot be given to a bidirectional encoder: its backward direction begins at the"
                    " end of a sequence, which no earlier window has read; build it with bidirectional=False."
                )
            sizes = [lstm.cell.state_size for (lstm,) in self.stack]
            check_stack(
                initial_states,
                units=[size.c for size in sizes],
                output_sizes=[size.h for size in sizes],
                name="initial_states",
            )
        states = []
        for layer, (directions, dropout) in enumerate(zip(self.stack, self.dropouts)):
            start = None if initial_states is None else initial_states[layer]
            read = [lstm(inputs, length, start, training=training) for lstm in directions]
            outputs = tf.concat([output for output, _ in read], -1)
            outputs = dropout(outputs, training=training)
            inputs = inputs + outputs if self.residual and layer > 0 else outputs
            states.append(read[0][1] if len(read) == 1 else concatenate(read[0][1], read[1][1]))
        return EncoderOutput(memory=inputs, memory_length=length, states=tuple(states))
