"""The recurrent encoder: stacked LSTM layers, in one or both directions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from seq2seq.encoders.encoder import Encoder, EncoderOutput
from seq2seq.errors import UserError
from seq2seq.keras2 import keras
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.lstm_cell import LAYER_NORM_EPSILON, CellOptions
from seq2seq.layers.parts import Stage
from seq2seq.layers.recurrence import LOOP, LSTM, Kernel
from seq2seq.layers.time_reduction import REDUCTIONS, length_mask, reduce_time
from seq2seq.state import LSTMState, States, check_stack, concatenate


class RecurrentEncoder(Encoder):
    """Stacked LSTM layers, which may make a sequence shorter on its way.

    Args:
      layers: how many.
      units: of each direction.
      cell: of all cells, see ``CellOptions``.
      bidirectional: read both ways and put outputs and states side by side.
      projection: size of a linear layer after each LSTM layer, with a tanh after all but the last (ESPnet's ``BLSTMP``,
        Watanabe et al. 2018); 0: none.
      reductions: what each layer divides time by, on its outputs and before its projection; None: nothing.
      reduction: how, see ``reduce_time``.
      residual: add each layer's input to its output, from the second layer up, where neither time nor depth changes.
      layer_norm: normalise the inputs of the first layer and what each layer hands on (Ba et al. 2016): once a layer
        and not within each step, as ``CellOptions.layer_norm`` does.
      memory_is_read: whether anything learns from the memory; where the states alone are read, it is not normalised.
      dropout: on the inputs of each layer after the first.
      output_dropout: on the memory.
      recurrent_dropout: on ``h`` where the recurrent kernels see it.
      variational: one mask per sequence for all of these instead of one per step.
      weight_dropout: on the recurrent kernels, one mask for a batch.
      initializer_range: see ``LSTMCell``.
      kernel: what runs each layer, see ``choose_kernel``.

    Attributes:
      depth: D, of the memory: ``projection``; without one the last layer's ``output_size``, times 2 where
        bidirectional, times its reduction where steps are put side by side.
      state_sizes: of the states, one per layer.
      time_reduction: what the length of a sequence is divided by, all in all.
      kernel_reason: why that kernel runs, in words.
    """

    def __init__(
        self,
        *,
        layers: int,
        units: int,
        cell: CellOptions = CellOptions(),
        bidirectional: bool = True,
        projection: int = 0,
        reductions: Sequence[int] | None = None,
        reduction: str = "concat",
        residual: bool = False,
        layer_norm: bool = False,
        memory_is_read: bool = True,
        dropout: float = 0.0,
        output_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        variational: bool = True,
        weight_dropout: float = 0.0,
        initializer_range: float = 0.0,
        kernel: Kernel = LOOP,
        name: str = "encoder",
    ) -> None:
        super().__init__(name=name)
        reductions = [1] * layers if reductions is None else list(reductions)
        if len(reductions) != layers or min(reductions) < 1:
            raise ValueError(
                f"reductions={reductions} are not a whole number from 1 for each of {layers} layers"
            )
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction {reduction!r} is not one of {', '.join(REDUCTIONS)}")
        self.kernel_reason = kernel.reason
        self.bidirectional = bidirectional
        self.reductions = reductions
        self.reduction = reduction
        self.time_reduction = math.prod(reductions)
        directions = (False, True) if bidirectional else (False,)
        self.stack = [
            [
                LSTM(
                    units,
                    options=cell,
                    reverse=reverse,
                    recurrent_dropout=recurrent_dropout,
                    variational=variational,
                    weight_dropout=weight_dropout,
                    initializer_range=initializer_range,
                    kernel=kernel.name,
                    name=f"{'backward' if reverse else 'forward'}_{k}",
                )
                for reverse in directions
            ]
            for k in range(layers)
        ]
        h, c = self.stack[0][0].cell.state_size
        self.state_sizes = (LSTMState(h=h * len(directions), c=c * len(directions)),) * layers
        self.projections = [
            keras.layers.Dense(
                projection, activation="tanh" if k < layers - 1 else None, name=f"projection_{k}"
            )
            for k in range(layers if projection else 0)
        ]
        depths = [
            projection or h * len(directions) * (factor if reduction == "concat" else 1)
            for factor in reductions
        ]
        self.depth = depths[-1]
        self.adds_input = [
            residual and k > 0 and reductions[k] == 1 and depths[k] == depths[k - 1] for k in range(layers)
        ]
        self.norms = [
            keras.layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, name=f"norm_{k}")
            for k in range(layers + memory_is_read if layer_norm else 0)
        ]
        rates = [dropout] * (layers - 1) + [output_dropout]
        self.dropouts = [
            Dropout(r, variational=variational, name=f"dropout_{k}") for k, r in enumerate(rates)
        ]

    def stages(self) -> tuple[Stage, ...]:
        stages = [Stage("normalised inputs", {"norm": self.norms[0]})] if self.norms else []
        for k, directions in enumerate(self.stack):
            members: dict[str, keras.layers.Layer] = dict(zip(("forward", "backward"), directions))
            if self.projections:
                members["projection"] = self.projections[k]
            if k + 1 < len(self.norms):
                members["norm"] = self.norms[k + 1]
            stages.append(Stage(f"layer {k + 1}", members))
        return tuple(stages)

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
          length: ``[B]`` integers from 0 to S (see ``LSTM``); a row that has ended in an earlier window has 0. Windows
            but the last are multiples of ``time_reduction``.
          initial_states: one per layer: ``states`` of the window before; zeros where None.
          training: whether dropout is on.

        Raises:
          UserError: states given to a bidirectional encoder; else as ``LSTM``.
        """
        length = tf.convert_to_tensor(length)
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
        inputs, states = self._normalized(0, inputs, length), []
        for layer, (directions, dropout) in enumerate(zip(self.stack, self.dropouts)):
            start = None if initial_states is None else initial_states[layer]
            read = [lstm(inputs, length, start, training=training) for lstm in directions]
            outputs = tf.concat([output for output, _ in read], -1)
            outputs, length = reduce_time(outputs, length, self.reductions[layer], self.reduction)
            if self.projections:
                outputs = self.projections[layer](outputs)
                outputs *= length_mask(outputs, length)
            outputs = dropout(self._normalized(layer + 1, outputs, length), training=training)
            inputs = inputs + outputs if self.adds_input[layer] else outputs
            states.append(read[0][1] if len(read) == 1 else concatenate(read[0][1], read[1][1]))
        return EncoderOutput(memory=inputs, memory_length=tf.cast(length, tf.int32), states=tuple(states))

    def _normalized(self, k: int, sequence: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        return self.norms[k](sequence) * length_mask(sequence, length) if k < len(self.norms) else sequence
