"""The attention decoder: LSTM cells that attend to the encoder's outputs."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional, Tuple

import tensorflow as tf

from seq2seq.layers.attention import Memory, bound, build_mechanism, prepare_memory, scaled_keys, tfa
from seq2seq.layers.attention_recurrence import attention_lstm_over_time
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.lstm_cell import CellOptions, LSTMCell
from seq2seq.layers.recurrence import at_step, cell_over_time, project
from seq2seq.layers.scheduled_sampling import ScheduledSampler
from seq2seq.layers.stacked_cell import StackedCell
from seq2seq.state import LSTMState

DecoderState = Any  # tfa.seq2seq.AttentionWrapperState, which has no types
"""A TensorFlow nest of ``[B, ...]``: the cells' ``LSTMState``s, the attention fed to the next step, the alignments."""


class DecoderOutput(NamedTuple):
    """What the decoder says at every step.

    Attributes:
      features: ``[B, T, A]``, for the output projection.
      alignments: ``[B, T, S]``, how much of each source position a step attended to.
    """

    features: tf.Tensor
    alignments: tf.Tensor


class _Masks(NamedTuple):
    """Dropout of a whole decoding, time-major ``[T or 1, B, ...]``; one per layer, and one on the attention."""

    recurrent: Tuple[Optional[tf.Tensor], ...]
    output: Tuple[Optional[tf.Tensor], ...]
    attention: Optional[tf.Tensor]

    def at(self, t: tf.Tensor) -> _Masks:
        def step(mask: tf.Tensor | None) -> tf.Tensor | None:
            return None if mask is None else at_step(mask, t)

        return _Masks(tuple(map(step, self.recurrent)), tuple(map(step, self.output)), step(self.attention))


class AttentionDecoder(tf.keras.layers.Layer):
    """A ``tfa.seq2seq.AttentionWrapper`` over LSTM cells, run step by step or over a whole known target.

    The wrapper holds the weights and defines a step. Over a whole target the same is computed faster where the
    dependencies allow it: without input feeding, recurrence and attention each take the whole target at once; with it,
    a single layer of a plain cell with Luong attention runs as one recurrence whose gradient is written by hand
    (``layers/attention_recurrence.py``). Everything else loops over the wrapper.

    Args:
      layers, units, options: the LSTM cells.
      input_depth: depth of the embedded inputs.
      memory_depth: depth of the encoder's outputs.
      residual: see ``StackedCell``.
      dropout: on what each layer passes up: to the next one and, from the top, to the attention.
      recurrent_dropout: on ``h`` where the recurrent kernels see it.
      variational: one mask per sequence for all of these instead of one per step.
      input_feeding: the attention of a step is part of the next step's input (Luong et al. 2015, section 3.3).
      attention_kind, attention_units, attention_scaled: see ``build_mechanism``.
      attention_size: depth of the attention vector, A.
      attention_tanh: whether the attention layer ends in a tanh.
      attention_dropout: on the attention vector, as it leaves and as it is fed.
      initializer_range: see ``LSTMCell``.
    """

    def __init__(
        self,
        *,
        layers: int,
        units: int,
        options: CellOptions = CellOptions(),
        input_depth: int,
        memory_depth: int,
        residual: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        variational: bool = True,
        input_feeding: bool = True,
        attention_kind: str = "luong",
        attention_units: int = 0,
        attention_scaled: bool = True,
        attention_size: int,
        attention_tanh: bool = True,
        attention_dropout: float = 0.0,
        initializer_range: float = 0.0,
        name: str = "decoder",
    ) -> None:
        super().__init__(name=name)
        self.input_feeding = input_feeding
        self.attention_size = attention_size
        self.attention_tanh = attention_tanh
        self.attention_kind = attention_kind
        cells = [
            LSTMCell(units, options, initializer_range=initializer_range, name=f"cell_{k}")
            for k in range(layers)
        ]
        self.cell = StackedCell(cells, residual=residual)
        self.cell.build(tf.TensorShape([None, input_depth + (attention_size if input_feeding else 0)]))
        self.mechanism = build_mechanism(
            attention_kind,
            units=attention_units or self.cell.output_size,
            scaled=attention_scaled,
            memory_depth=memory_depth,
            query_depth=self.cell.output_size,
        )
        self.attention_layer = tf.keras.layers.Dense(
            attention_size,
            use_bias=False,
            activation="tanh" if attention_tanh else None,
            name="attention_layer",
        )
        self.attention_layer.build(tf.TensorShape([None, self.cell.output_size + memory_depth]))
        self.wrapper = tfa.seq2seq.AttentionWrapper(
            self.cell,
            self.mechanism,
            attention_layer=self.attention_layer,
            cell_input_fn=None if input_feeding else lambda inputs, attention: inputs,
            name="attention_wrapper",
        )
        self.recurrent_dropouts = [
            Dropout(recurrent_dropout, variational=variational, name=f"recurrent_dropout_{k}")
            for k in range(layers)
        ]
        self.output_dropouts = [
            Dropout(dropout, variational=variational, name=f"dropout_{k}") for k in range(layers)
        ]
        self.attention_dropout = Dropout(attention_dropout, variational=variational, name="attention_dropout")
        self.sampling_generator = Dropout(0.0, name="scheduled_sampling").generator

    @property
    def is_one_recurrence(self) -> bool:
        """Whether input feeding, cell and attention run as one recurrence with a gradient by hand."""
        cells = self.cell.cells
        return (
            self.input_feeding
            and self.attention_kind == "luong"
            and len(cells) == 1
            and cells[0].options.plain
        )

    @property
    def kernel_reason(self) -> str:
        """What runs over a whole target, in words."""
        if self.is_one_recurrence:
            return "cell, attention and input feeding as one loop (gradient by hand)"
        if self.input_feeding:
            return "step by step; one loop takes a single layer of a plain cell with Luong attention"
        return "cells over the whole target, then attention over all of it (no input feeding)"

    def prepare(self, memory: tf.Tensor, memory_length: tf.Tensor) -> Memory:
        """The memory ``[B, S, D]`` as the steps want it; ``memory_length`` ``[B]`` int32 counts its real positions."""
        return prepare_memory(self.mechanism, memory, memory_length)

    def initial_state(self, cell_states: tuple[LSTMState, ...], memory: Memory) -> DecoderState:
        """The state before the first step, from the bridge's states (one per layer)."""
        batch_size, dtype = tf.shape(memory.mask)[0], memory.values.dtype
        with bound(self.mechanism, memory):
            return tfa.seq2seq.AttentionWrapperState(
                cell_state=cell_states,
                attention=tf.zeros([batch_size, self.attention_size], dtype),
                alignments=self.mechanism.initial_alignments(batch_size, dtype),
                alignment_history=(),
                attention_state=self.mechanism.initial_state(batch_size, dtype),
            )

    def step(
        self, inputs: tf.Tensor, state: DecoderState, memory: Memory, masks: _Masks | None = None
    ) -> tuple[tf.Tensor, DecoderState]:
        """One step.

        Args:
          inputs: ``[B, E]``, the embedded token chosen last.
          state: before the step. memory: from ``prepare``.
          masks: dropout of this step; None outside training.

        Returns:
          features ``[B, A]`` and the next state, whose ``alignments`` ``[B, S]`` are those of this step.
        """
        dropout = {"recurrent_masks": masks.recurrent, "output_masks": masks.output} if masks else {}
        with bound(self.mechanism, memory):
            attention, state = self.wrapper(inputs, state, **dropout)
        if masks and masks.attention is not None:
            attention = attention * masks.attention
            state = state._replace(attention=attention)
        return attention, state

    def call(
        self,
        inputs: tf.Tensor,
        cell_states: tuple[LSTMState, ...],
        memory: Memory,
        training: bool = False,
        scheduled_sampling: tuple[tf.Tensor, Callable, Callable] | None = None,
    ) -> DecoderOutput:
        """Decodes a whole known target (teacher forcing).

        Args:
          inputs: ``[B, T, E]``, embedded ``target_inputs``.
          cell_states: where the cells start, one per layer.
          memory: from ``prepare``.
          training: whether dropout is on.
          scheduled_sampling: ``(probability, project, embed)``: how often a step reads a sample of the step before
            instead of the target, logits from features, and inputs from ids. None: never.
        """
        batch_size, time, depth = tf.shape(inputs)[0], tf.shape(inputs)[1], self.cell.output_size
        masks = _Masks(
            tuple(d.time_major_mask(batch_size, time, depth, training) for d in self.recurrent_dropouts),
            tuple(d.time_major_mask(batch_size, time, depth, training) for d in self.output_dropouts),
            self.attention_dropout.time_major_mask(batch_size, time, self.attention_size, training),
        )
        time_major = tf.transpose(inputs, [1, 0, 2])
        if scheduled_sampling is not None:
            features, alignments = self._sampled(inputs, cell_states, memory, masks, *scheduled_sampling)
        elif not self.input_feeding:
            features, alignments = self._without_feeding(time_major, cell_states, memory, masks)
        elif self.is_one_recurrence:
            features, alignments = self._one_recurrence(time_major, cell_states, memory, masks)
        else:
            features, alignments = self._stepwise(time_major, cell_states, memory, masks)
        return DecoderOutput(tf.transpose(features, [1, 0, 2]), tf.transpose(alignments, [1, 0, 2]))

    # Each of the following takes time-major inputs [T, B, E] and returns features [T, B, A] and alignments [T, B, S].

    def _one_recurrence(
        self, inputs: tf.Tensor, cell_states: tuple[LSTMState, ...], memory: Memory, masks: _Masks
    ) -> tuple[tf.Tensor, tf.Tensor]:
        cell, depth = self.cell.cells[0], inputs.shape[-1]
        return attention_lstm_over_time(
            project(inputs, cell.kernel[:depth]) + cell.bias,
            tf.concat([cell.kernel[depth:], cell.recurrent_kernel], 0),
            self.attention_layer.kernel,
            scaled_keys(self.mechanism, memory),
            memory.values,
            memory.mask,
            cell_states[0],
            tf.zeros([tf.shape(inputs)[1], self.attention_size], inputs.dtype),
            tanh=self.attention_tanh,
            recurrent_mask=masks.recurrent[0],
            output_mask=masks.output[0],
            attention_mask=masks.attention,
        )

    def _without_feeding(
        self, inputs: tf.Tensor, cell_states: tuple[LSTMState, ...], memory: Memory, masks: _Masks
    ) -> tuple[tf.Tensor, tf.Tensor]:
        queries = inputs
        for layer, (cell, state) in enumerate(zip(self.cell.cells, cell_states)):
            outputs = cell_over_time(cell, queries, state, masks.recurrent[layer]).h
            output_mask = masks.output[layer]
            outputs = outputs if output_mask is None else outputs * output_mask
            queries = queries + outputs if self.cell.residual and layer > 0 else outputs
        alignments = self._alignments(queries, memory)  # [T, B, S]
        contexts = tf.einsum("tbs,bsd->tbd", alignments, memory.values)
        features = project(tf.concat([queries, contexts], 2), self.attention_layer.kernel)
        features = tf.tanh(features) if self.attention_tanh else features
        return (features if masks.attention is None else features * masks.attention), alignments

    def _alignments(self, queries: tf.Tensor, memory: Memory) -> tf.Tensor:
        """``[T, B, S]`` for all queries ``[T, B, output_size]``, which do not depend on each other's attention."""
        if self.attention_kind == "luong":
            scores = tf.einsum("tbk,bsk->tbs", queries, scaled_keys(self.mechanism, memory))
            return tf.nn.softmax(tf.where(memory.mask[tf.newaxis], scores, scores.dtype.min))
        # Bahdanau's sum over tanh would need [T, B, S, units] at once, and monotonic alignments build on each other.
        batch_size = tf.shape(memory.mask)[0]
        with bound(self.mechanism, memory):
            initial = self.mechanism.initial_alignments(batch_size, queries.dtype)
            return tf.scan(lambda state, query: self.mechanism([query, state])[0], queries, initial)

    def _stepwise(
        self, inputs: tf.Tensor, cell_states: tuple[LSTMState, ...], memory: Memory, masks: _Masks
    ) -> tuple[tf.Tensor, tf.Tensor]:
        time = tf.shape(inputs)[0]

        def step(t, state, features, alignments):  # type: ignore[no-untyped-def]
            output, state = self.step(inputs[t], state, memory, masks.at(t))
            return t + 1, state, features.write(t, output), alignments.write(t, state.alignments)

        saved = [tf.TensorArray(inputs.dtype, size=time) for _ in range(2)]
        *_, features, alignments = tf.while_loop(
            lambda t, *_: t < time,
            step,
            (0, self.initial_state(cell_states, memory), *saved),
            maximum_iterations=time,  # XLA must know how much the gradient keeps
        )
        return self._stacked(features, alignments)

    def _sampled(
        self,
        inputs: tf.Tensor,
        cell_states: tuple[LSTMState, ...],
        memory: Memory,
        masks: _Masks,
        probability: tf.Tensor,
        project_features: Callable[[tf.Tensor], tf.Tensor],
        embed: Callable[[tf.Tensor], tf.Tensor],
    ) -> tuple[tf.Tensor, tf.Tensor]:
        sampler = ScheduledSampler(probability, embed, self.sampling_generator)
        batch_size, time = tf.shape(inputs)[0], tf.shape(inputs)[1]
        _, first = sampler.initialize(inputs, tf.fill([batch_size], time))

        def step(t, read, state, features, alignments):  # type: ignore[no-untyped-def]
            output, state = self.step(read, state, memory, masks.at(t))
            logits = tf.stop_gradient(project_features(output))
            ids = sampler.sample(t, logits, state)
            _, following, _ = sampler.next_inputs(t, logits, state, ids)
            following = tf.ensure_shape(following, read.shape)
            return t + 1, following, state, features.write(t, output), alignments.write(t, state.alignments)

        saved = [tf.TensorArray(inputs.dtype, size=time) for _ in range(2)]
        *_, features, alignments = tf.while_loop(
            lambda t, *_: t < time,
            step,
            (0, first, self.initial_state(cell_states, memory), *saved),
            maximum_iterations=time,
        )
        return self._stacked(features, alignments)

    def _stacked(self, features: tf.TensorArray, alignments: tf.TensorArray) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.ensure_shape(features.stack(), [None, None, self.attention_size]), alignments.stack()
