"""The attention decoder: LSTM cells that attend to the encoder's outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional, Tuple

import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.layers.attention.luong import LuongAttention
from seq2seq.layers.attention.mechanism import AttentionMechanism, Memory
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.lstm_cell import CellOptions, LSTMCell
from seq2seq.layers.parts import Part, Stage
from seq2seq.layers.recurrence import cell_over_time, project
from seq2seq.layers.scheduled_sampling import ScheduledSampler
from seq2seq.layers.stacked_cell import StackedCell, dropped
from seq2seq.layers.steps_over_time import at_step, steps_over_time, times
from seq2seq.state import LSTMState


class DecoderState(NamedTuple):
    """What the decoder carries from step to step.

    Attributes:
      cell_states: one per layer.
      attention: ``[B, A]``, the attention vector of the step before, which input feeding reads.
      alignments: ``[B, S]``, of the step before.
    """

    cell_states: Tuple[LSTMState, ...]
    attention: tf.Tensor
    alignments: tf.Tensor


class DecoderOutput(NamedTuple):
    """What the decoder says at every step.

    Attributes:
      features: ``[B, T, A]``, for the output projection.
      alignments: ``[B, T, S]``, how much of each source position a step attended to.
    """

    features: tf.Tensor
    alignments: tf.Tensor


@dataclass(frozen=True)
class AttentionOptions:
    """How a decoder attends.

    Attributes:
      size: depth of the attention vector, A, which a layer makes of context and cell output.
      mechanism: what makes one from ``units``, ``memory_depth``, ``query_depth`` and ``scaled``: a class, or with
        options of its own a ``functools.partial`` of one.
      units, scaled: see ``AttentionMechanism``; no units: as many as the cell's output has.
      tanh: whether the attention layer ends in a tanh.
      dropout: on the attention vector, as it leaves and as it is fed.
    """

    size: int
    mechanism: Callable[..., AttentionMechanism] = LuongAttention
    units: int = 0
    scaled: bool = True
    tanh: bool = True
    dropout: float = 0.0


class _Masks(NamedTuple):
    """Dropout of a whole decoding, time-major ``[T or 1, B, ...]``; one per layer, and one on the attention."""

    recurrent: Tuple[Optional[tf.Tensor], ...]
    output: Tuple[Optional[tf.Tensor], ...]
    attention: Optional[tf.Tensor]

    def at(self, t: tf.Tensor) -> _Masks:
        def step(mask: tf.Tensor | None) -> tf.Tensor | None:
            return None if mask is None else at_step(mask, t)

        return _Masks(tuple(map(step, self.recurrent)), tuple(map(step, self.output)), step(self.attention))


class AttentionDecoder(keras.layers.Layer):
    """LSTM cells that attend to a memory, as ``tfa.seq2seq.AttentionWrapper``: step by step or over a known target.

    Over a whole target the steps are computed faster together: without input feeding, recurrence and attention each
    take the whole target; with it, all layers and the attention are the step of one loop, whose kernels get their
    gradient after it (``layers/steps_over_time.py``). Scheduled sampling alone, which has to know the logits, loops
    over ``step``.

    Args:
      layers, units, options: the LSTM cells.
      input_depth: depth of the embedded inputs.
      memory_depth: depth of the encoder's outputs.
      residual: see ``StackedCell``.
      dropout: on what each layer passes up: to the next one and, from the top, to the attention.
      recurrent_dropout: on ``h`` where the recurrent kernels see it.
      variational: one mask per sequence for all of these instead of one per step.
      input_feeding: the attention of a step is part of the next step's input (Luong et al. 2015, section 3.3).
      attention: the mechanism, and what becomes of its context.
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
        attention: AttentionOptions,
        initializer_range: float = 0.0,
        name: str = "decoder",
    ) -> None:
        super().__init__(name=name)
        self.input_feeding = input_feeding
        self._own_inputs = input_depth if input_feeding else None
        self.attention_size = attention.size
        self.attention_tanh = attention.tanh
        cells = [
            LSTMCell(units, options, initializer_range=initializer_range, name=f"cell_{k}")
            for k in range(layers)
        ]
        self.cell = StackedCell(cells, residual=residual)
        self.cell.build(tf.TensorShape([None, input_depth + (attention.size if input_feeding else 0)]))
        self.mechanism = attention.mechanism(
            units=attention.units or self.cell.output_size,
            scaled=attention.scaled,
            memory_depth=memory_depth,
            query_depth=self.cell.output_size,
        )
        self.attention_layer = keras.layers.Dense(
            attention.size,
            use_bias=False,
            activation="tanh" if attention.tanh else None,
            name="attention_layer",
        )
        self.attention_layer.build(
            tf.TensorShape([None, self.cell.output_size + self.mechanism.context_depth])
        )
        self.recurrent_dropouts = [
            Dropout(recurrent_dropout, variational=variational, name=f"recurrent_dropout_{k}")
            for k in range(layers)
        ]
        self.output_dropouts = [
            Dropout(dropout, variational=variational, name=f"dropout_{k}") for k in range(layers)
        ]
        self.attention_dropout = Dropout(attention.dropout, variational=variational, name="attention_dropout")

    @property
    def kernel_reason(self) -> str:
        """What runs over a whole target, in words."""
        if self.input_feeding:
            return "cells, attention and input feeding as one loop (kernels' gradients after it)"
        return "cells over the whole target, then attention over all of it (no input feeding)"

    def parts(self) -> Part:
        """What another decoder can take over."""
        layers = (
            Stage(f"layer {k + 1}", {"cell": cell}, None if k else self._own_inputs)
            for k, cell in enumerate(self.cell.cells)
        )
        attention = Stage("attention", {"mechanism": self.mechanism, "output": self.attention_layer})
        return Part(layers=tuple(layers), others=(attention,))

    def prepare(self, memory: tf.Tensor, memory_length: tf.Tensor) -> Memory:
        """The memory ``[B, S, D]`` as the steps want it; ``memory_length`` ``[B]`` int32 counts its real positions."""
        return self.mechanism.prepare(memory, memory_length)

    def initial_state(self, cell_states: tuple[LSTMState, ...], memory: Memory) -> DecoderState:
        """The state before the first step, from the bridge's states (one per layer)."""
        attention = tf.zeros([tf.shape(memory.mask)[0], self.attention_size], memory.values.dtype)
        return DecoderState(cell_states, attention, self.mechanism.initial_alignments(memory))

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
        if self.input_feeding:
            inputs = tf.concat([inputs, state.attention], 1)
        query, cell_states = self.cell(inputs, state.cell_states, **dropout)
        alignments = self.mechanism.step(query, state.alignments, memory)
        context = times(alignments, memory.values)  # [B, D]
        attention = self.attention_layer(tf.concat([query, context], 1))
        attention = dropped(attention, masks.attention if masks else None)
        return attention, DecoderState(cell_states, attention, alignments)

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
        kernels = {
            "fed": cells[0].kernel[depth:],
            "values": memory.values,
            "attention": tf.convert_to_tensor(self.attention_layer.kernel),
            **{f"inputs_{k}": tf.convert_to_tensor(cell.kernel) for k, cell in enumerate(cells) if k > 0},
            **{f"recurrent_{k}": tf.convert_to_tensor(cell.recurrent_kernel) for k, cell in enumerate(cells)},
            **self.mechanism.kernels(memory),
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
            alignments = self.mechanism.align(product, below, alignments, memory.mask, attention_weights)
            fed = product("attention", tf.concat([below, product("values", alignments)], 1))
            fed = dropped(tf.tanh(fed) if self.attention_tanh else fed, mask.attention)
            return tuple(next_states), fed, alignments

        initial = self.initial_state(cell_states, memory)
        _, features, alignments = steps_over_time(
            step,
            (cell_states, initial.attention, initial.alignments),
            project(inputs, cells[0].kernel[:depth]),
            (
                tuple({**cell.outer_weights, **cell.inner_weights} for cell in cells),
                self.mechanism.shared(memory),
            ),
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
        alignments = self.mechanism.align_all(queries, memory)  # [T, B, S]
        contexts = tf.einsum("tbs,bsd->tbd", alignments, memory.values)
        features = project(tf.concat([queries, contexts], 2), self.attention_layer.kernel)
        features = tf.tanh(features) if self.attention_tanh else features
        return dropped(features, masks.attention), alignments

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
