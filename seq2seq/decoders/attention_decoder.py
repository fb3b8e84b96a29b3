"""The attention decoder: LSTM cells that attend to the encoder's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, NamedTuple, Optional, Tuple

import tensorflow as tf

from seq2seq.layers.addons import tfa
from seq2seq.layers.attention import Memory, alignment, bound, build_mechanism, prepare_memory, scaled_keys
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.lstm_cell import CellOptions, LSTMCell
from seq2seq.layers.recurrence import cell_over_time, project
from seq2seq.layers.scheduled_sampling import ScheduledSampler
from seq2seq.layers.stacked_cell import StackedCell, dropped
from seq2seq.layers.steps_over_time import at_step, steps_over_time
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

    The wrapper holds the weights and defines a step. Over a whole target the same is computed faster: without input
    feeding, recurrence and attention each take the whole target; with it, all layers and the attention are the step of
    one loop, whose kernels get their gradient after it (``layers/steps_over_time.py``). Scheduled sampling alone, which
    has to know the logits, loops over the wrapper.

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
      location: options of ``LocationAttention``, for that kind alone.
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
        location: Mapping[str, Any] | None = None,
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
            **(location or {}),
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

    @property
    def kernel_reason(self) -> str:
        """What runs over a whole target, in words."""
        if self.input_feeding:
            return "cells, attention and input feeding as one loop (kernels' gradients after it)"
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
        elif self.input_feeding:
            features, alignments = self._with_feeding(time_major, cell_states, memory, masks)
        else:
            features, alignments = self._without_feeding(time_major, cell_states, memory, masks)
        return DecoderOutput(tf.transpose(features, [1, 0, 2]), tf.transpose(alignments, [1, 0, 2]))

    # Each of the following takes time-major inputs [T, B, E] and returns features [T, B, A] and alignments [T, B, S].

    def _with_feeding(
        self, inputs: tf.Tensor, cell_states: tuple[LSTMState, ...], memory: Memory, masks: _Masks
    ) -> tuple[tf.Tensor, tf.Tensor]:
        cells, depth = self.cell.cells, inputs.shape[-1]
        attention = alignment(self.mechanism, memory)
        kernels = {
            "fed": cells[0].kernel[depth:],
            "values": memory.values,
            "attention": tf.convert_to_tensor(self.attention_layer.kernel),
            **{f"inputs_{k}": tf.convert_to_tensor(cell.kernel) for k, cell in enumerate(cells) if k > 0},
            **{f"recurrent_{k}": tf.convert_to_tensor(cell.recurrent_kernel) for k, cell in enumerate(cells)},
            **attention.kernels,
        }

        def step(product, t, state, inputs, shared):  # type: ignore[no-untyped-def]
            cell_states, fed, alignments = state
            weights, attention_weights = shared
            mask, next_states, below = masks.at(t), [], inputs
            for k, (cell, cell_state) in enumerate(zip(cells, cell_states)):
                products = product(f"inputs_{k}", below) if k > 0 else inputs + product("fed", fed)
                projected = cell.add_bias(products, weights[k])
                recurrent = product(f"recurrent_{k}", dropped(cell_state.h, mask.recurrent[k]))
                next_states.append(cell.advance(projected, recurrent, cell_state.c, weights[k]))
                outputs = dropped(next_states[k].h, mask.output[k])
                below = below + outputs if self.cell.residual and k > 0 else outputs
            alignments = attention.align(product, below, alignments, attention_weights)
            fed = product("attention", tf.concat([below, product("values", alignments)], 1))
            fed = dropped(tf.tanh(fed) if self.attention_tanh else fed, mask.attention)
            return tuple(next_states), fed, alignments

        initial = self.initial_state(cell_states, memory)
        _, features, alignments = steps_over_time(
            step,
            (cell_states, initial.attention, initial.alignments),
            project(inputs, cells[0].kernel[:depth]),
            (tuple({**cell.outer_weights, **cell.inner_weights} for cell in cells), attention.shared),
            kernels,
        )
        return features, alignments

    def _without_feeding(
        self, inputs: tf.Tensor, cell_states: tuple[LSTMState, ...], memory: Memory, masks: _Masks
    ) -> tuple[tf.Tensor, tf.Tensor]:
        queries = inputs
        for layer, (cell, state) in enumerate(zip(self.cell.cells, cell_states)):
            outputs = cell_over_time(cell, queries, state, masks.recurrent[layer]).h
            outputs = dropped(outputs, masks.output[layer])
            queries = queries + outputs if self.cell.residual and layer > 0 else outputs
        alignments = self._alignments(queries, memory)  # [T, B, S]
        contexts = tf.einsum("tbs,bsd->tbd", alignments, memory.values)
        features = project(tf.concat([queries, contexts], 2), self.attention_layer.kernel)
        features = tf.tanh(features) if self.attention_tanh else features
        return dropped(features, masks.attention), alignments

    def _alignments(self, queries: tf.Tensor, memory: Memory) -> tf.Tensor:
        """``[T, B, S]`` for all queries ``[T, B, output_size]``, which do not depend on each other's attention."""
        if self.attention_kind == "luong":
            scores = tf.einsum("tbk,bsk->tbs", queries, scaled_keys(self.mechanism, memory))
            return tf.nn.softmax(tf.where(memory.mask[tf.newaxis], scores, scores.dtype.min))
        # Bahdanau's sum over tanh would need [T, B, S, units] at once; the other kinds build on the alignments before.
        attention = alignment(self.mechanism, memory)
        with bound(self.mechanism, memory):
            initial = self.mechanism.initial_alignments(tf.shape(memory.mask)[0], queries.dtype)
        return steps_over_time(
            lambda product, t, previous, query, shared: attention.align(product, query, previous, shared),
            initial,
            queries,
            attention.shared,
            attention.kernels,
        )

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
        sampler = ScheduledSampler(probability, embed)
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
        return tf.ensure_shape(features.stack(), [None, None, self.attention_size]), alignments.stack()
