"""What the training loop asks of the language model; the loss is the cross entropy of each token and the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.language_model import LanguageModelTaskConfig
from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.pairs import Batch, check_batch
from seq2seq.datasets.batches.windows import Window, WindowMaker
from seq2seq.state import States
from seq2seq.tasks.data_report import unknown_note
from seq2seq.tasks.language_model.model import LanguageModel, Reading
from seq2seq.tasks.language_model.signs import LANGUAGE_MODEL_SIGNS
from seq2seq.tasks.loss import Loss, features_loss
from seq2seq.tasks.training import TrainingTask


class LanguageModelTraining(TrainingTask):
    """What the training loop asks of the language model; see ``TrainingTask``."""

    signs = LANGUAGE_MODEL_SIGNS
    least_updates = (100, "few language models learn more than how frequent tokens are")
    _maker: BatchMaker | WindowMaker

    def notes(self) -> Iterator[str]:
        """There are none: whatever the lines are, they have a likelihood."""
        yield from ()

    def obstacles(self, model: LanguageModel) -> Iterator[str]:
        """Unknown tokens of the validation data."""
        yield from unknown_note(self._val.target.ids, self._maker.target_tokenizer, "data.val's")

    def prepare(self, model: LanguageModel) -> None:
        """There is nothing."""

    def loss(self, model: LanguageModel, batch: Batch, training: bool) -> Loss:
        return language_model_loss(model, batch, training, cast(LanguageModelTaskConfig, self.config))

    def tokens(self, batch: Batch) -> int:
        """Real ones, the ends of lines among them."""
        return int(np.sum(batch.target_length))

    def check(self, batch: Batch) -> None:
        check_batch(batch, target_length=batch.target_inputs)


def language_model_loss(
    model: LanguageModel, batch: Batch, training: bool, options: LanguageModelTaskConfig
) -> Loss:
    """The loss of a batch of tensors, of whose pairs the target side is read; empty rows count for nothing.

    Args:
      options: label smoothing, and the penalties on activations, which are of training alone.
    """
    return window_loss(model, batch, training, options)[0]


def window_loss(
    model: LanguageModel,
    batch: Batch | Window,
    training: bool,
    options: LanguageModelTaskConfig,
    initial_states: States | None = None,
) -> tuple[Loss, States]:
    """The same of lines or windows that go on from states, and the states after them.

    Args:
      initial_states: one per layer; None: zeros.
    """
    length = tf.maximum(batch.target_length, 1)  # which the fused kernels want of an empty row, too
    reading = model.read(batch.target_inputs, length, initial_states, training=training)
    loss = features_loss(model, reading.features, batch, training, options.label_smoothing)
    if not training:
        return loss, reading.states
    penalty = activation_penalty(reading, batch.target_length, options.activation_l2, options.temporal_l2)
    return loss if penalty is None else loss._replace(total=loss.total + penalty), reading.states


def activation_penalty(
    reading: Reading, length: tf.Tensor, activation_l2: float, temporal_l2: float
) -> tf.Tensor | None:
    """AR and TAR of Merity et al. (2018, arXiv:1708.02182, section 4), summed over tokens, as the loss is.

    ``activation_l2 · Σ mean(features²) + temporal_l2 · Σ mean((h_t - h_t-1)²)``: the means are over units, the first
    sum is over all real tokens, the second over those with one before them in their line.

    Args:
      length: ``[B]`` int32, of real tokens.

    Returns:
      a scalar; None where both weights are 0.
    """
    real = tf.sequence_mask(length, tf.shape(reading.outputs)[1], tf.float32)  # [B, T]
    terms = []
    if activation_l2:
        terms.append(activation_l2 * tf.reduce_sum(real * tf.reduce_mean(reading.features**2, -1)))
    if temporal_l2:
        change = reading.outputs[:, 1:] - reading.outputs[:, :-1]
        terms.append(temporal_l2 * tf.reduce_sum(real[:, 1:] * tf.reduce_mean(change**2, -1)))
    return tf.add_n(terms) if terms else None
