"""Several LSTM cells on top of each other, as one cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.layers.lstm_cell import LSTMCell
from seq2seq.state import LSTMState

Masks = Sequence[Optional[tf.Tensor]]
"""Dropout of one step, one ``[B, output_size]`` (or None) per layer."""


def dropped(x: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    return x if mask is None else x * mask


class StackedCell(keras.layers.Layer):
    """A cell of one or more LSTM cells with Keras' cell protocol; its state is a tuple of ``LSTMState``.

    Args:
      cells: from the bottom up.
      residual: add each layer's input to its output, from the second layer up (He et al. 2016; Wu et al. 2016).
    """

    def __init__(self, cells: Sequence[LSTMCell], *, residual: bool = False, name: str = "cells") -> None:
        super().__init__(name=name, autocast=False)  # see LSTMCell
        self.cells = list(cells)
        self.residual = residual
        self.state_size = tuple(cell.state_size for cell in self.cells)
        self.output_size = self.cells[-1].output_size

    def build(self, input_shape: tf.TensorShape) -> None:
        for cell in self.cells:
            cell.build(input_shape)
            input_shape = tf.TensorShape([None, cell.output_size])
        super().build(input_shape)

    def get_initial_state(
        self,
        inputs: tf.Tensor | None = None,
        batch_size: tf.Tensor | int | None = None,
        dtype: tf.DType = tf.float32,
    ) -> tuple[LSTMState, ...]:
        return tuple(cell.get_initial_state(inputs, batch_size, dtype) for cell in self.cells)

    def call(
        self,
        inputs: tf.Tensor,
        states: tuple[LSTMState, ...],
        recurrent_masks: Masks | None = None,
        output_masks: Masks | None = None,
    ) -> tuple[tf.Tensor, tuple[LSTMState, ...]]:
        """One step of all layers.

        Args:
          inputs: ``[B, D]``.
          states: one per layer.
          recurrent_masks, output_masks: dropout on ``h`` where the recurrent kernel sees it, and on what each
            layer passes up.

        Returns:
          the top layer's output ``[B, output_size]`` and the next states.
        """
        no_masks: Masks = [None] * len(self.cells)
        next_states = []
        for layer, (cell, state, recurrent_mask, output_mask) in enumerate(
            zip(self.cells, states, recurrent_masks or no_masks, output_masks or no_masks)
        ):
            outputs, next_state = cell(inputs, LSTMState(h=dropped(state.h, recurrent_mask), c=state.c))
            outputs = dropped(outputs, output_mask)
            inputs = inputs + outputs if self.residual and layer > 0 else outputs
            next_states.append(next_state)
        return inputs, tuple(next_states)
