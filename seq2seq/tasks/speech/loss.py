"""The loss of speech, which joins CTC and cross entropy."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from seq2seq.datasets.batches.speech import SpeechBatch
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.layers.ctc import ctc_losses
from seq2seq.tasks.loss import Loss, features_loss
from seq2seq.tasks.speech.model import SpeechModel


class SpeechLoss(NamedTuple):
    """The parts of the loss of a batch.

    Attributes:
      joint: what is minimised and reported; its cross entropy is the decoder's, or CTC's where there is nothing else.
      ctc: sum over the batch, nats, float32 scalar.
      possible: ``[B]`` bool: whether CTC can align the utterance at all. Where it cannot, it adds nothing. An empty row
        has nothing to align.
      encoded: the utterances.
      alignments: ``[B, T, S]`` of the decoder; None where there is nothing but CTC.
    """

    joint: Loss
    ctc: tf.Tensor
    possible: tf.Tensor
    encoded: EncoderOutput
    alignments: tf.Tensor | None


def speech_loss(
    model: SpeechModel,
    batch: SpeechBatch,
    training: bool,
    *,
    ctc_weight: float,
    blank_id: int,
    label_smoothing: float = 0.0,
    sampling_probability: tf.Tensor | None = None,
    augment_scale: tf.Tensor | float = 1.0,
) -> SpeechLoss:
    """``ctc_weight · CTC + (1 - ctc_weight) · cross entropy`` of a batch of tensors (Kim et al. 2017)."""
    encoded = model.encode(batch.waveforms, batch.waveform_length, training, augment_scale)
    empty = batch.target_length == 0
    ctc, possible = tf.zeros([]), tf.ones_like(empty)
    if ctc_weight > 0.0:
        losses, possible = ctc_losses(
            model.ctc_logits(encoded),
            tf.where(empty, 0, encoded.memory_length),  # no alignment, so no loss
            batch.target_outputs,
            tf.maximum(batch.target_length - 1, 0),  # CTC knows no end
            blank_id,
        )
        ctc, possible = tf.reduce_sum(losses), possible | empty
    if ctc_weight == 1.0:
        tokens = tf.cast(tf.reduce_sum(batch.target_length), tf.float32)
        return SpeechLoss(Loss(ctc, tf.stop_gradient(ctc), tokens), ctc, possible, encoded, None)
    decoded = model.decode(encoded, batch.target_inputs, training, sampling_probability)
    decoder = features_loss(model, decoded.features, batch, training, label_smoothing)
    total = ctc_weight * ctc + (1.0 - ctc_weight) * decoder.total if ctc_weight > 0.0 else decoder.total
    return SpeechLoss(decoder._replace(total=total), ctc, possible, encoded, decoded.alignments)
