"""What the tasks minimise: the cross entropy of a known target, label-smoothed."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from seq2seq.config.groups.task import ScheduledSamplingConfig
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.layers.output_projection import OutputProjection
from seq2seq.masking import MaskingPolicy
from seq2seq.models.encoder_decoder import EncoderDecoder


class Loss(NamedTuple):
    """Sums over the real target tokens of a batch, float32 scalars.

    Attributes:
      total: what is differentiated (label-smoothed).
      cross_entropy: in nats, unsmoothed.
      tokens: how many there are.
    """

    total: tf.Tensor
    cross_entropy: tf.Tensor
    tokens: tf.Tensor


class Projecting(Protocol):
    """A model that scores a vocabulary."""

    output_projection: OutputProjection
    masking: MaskingPolicy


def target_loss(
    model: EncoderDecoder,
    encoded: EncoderOutput,
    batch: Any,
    training: bool,
    label_smoothing: float = 0.0,
    sampling_probability: tf.Tensor | None = None,
) -> Loss:
    """The loss of the targets of a batch of tensors.

    Args:
      encoded: the sources of the batch.
      batch: has ``target_inputs``, ``target_outputs`` ``[B, T]`` and ``target_length`` ``[B]``.
      sampling_probability: see ``EncoderDecoder.decode``.
    """
    decoded = model.decode(encoded, batch.target_inputs, training, sampling_probability)
    return features_loss(model, decoded.features, batch, training, label_smoothing)


def features_loss(
    model: Projecting, features: tf.Tensor, batch: Any, training: bool, label_smoothing: float = 0.0
) -> Loss:
    """The same of features ``[B, T, A]``, those of a decoder or of a language model.

    Only real target positions reach the vocabulary projection, save where the shapes are to stay as they are
    (``masking=static``): there the losses of the others are multiplied by zero.
    """
    real = tf.sequence_mask(batch.target_length, tf.shape(batch.target_outputs)[1])
    tokens = tf.cast(tf.reduce_sum(batch.target_length), tf.float32)
    if model.masking is MaskingPolicy.STATIC:
        flat = tf.reshape(features, [-1, features.shape[-1]])  # [B * T, A]
        losses = model.output_projection.token_losses(
            flat, tf.reshape(batch.target_outputs, [-1]), label_smoothing
        )
        weights = tf.cast(tf.reshape(real, [-1]), tf.float32)
        return Loss(
            tf.reduce_sum(weights * losses.smoothed), tf.reduce_sum(weights * losses.cross_entropy), tokens
        )
    position_features, targets = tf.boolean_mask(features, real), tf.boolean_mask(batch.target_outputs, real)
    if training:
        return Loss(*model.output_projection.loss_sums(position_features, targets, label_smoothing), tokens)
    losses = model.output_projection.token_losses(position_features, targets, label_smoothing)
    return Loss(tf.reduce_sum(losses.smoothed), tf.reduce_sum(losses.cross_entropy), tokens)


def sampling_probability(schedule: str, rate: float, warmup_steps: int, step: tf.Tensor) -> tf.Tensor:
    """How often scheduled sampling samples at a step (Bengio et al. 2015, section 2.4, as a rising curve).

    Args:
      schedule: ``constant``: ``rate`` from the first step; ``linear``: rising to it over ``warmup_steps``;
        ``inverse_sigmoid``: rising along a sigmoid whose middle is at half of ``warmup_steps``.
      rate: where it ends, in [0, 1].
      warmup_steps: how long it rises.
      step: int64 scalar, updates made so far.

    Returns:
      float32 scalar in [0, rate].
    """
    progress = tf.cast(step, tf.float32) / float(max(warmup_steps, 1))
    if schedule == "constant":
        return tf.constant(rate, tf.float32)
    if schedule == "linear":
        return rate * tf.minimum(progress, 1.0)
    if schedule == "inverse_sigmoid":
        return rate * tf.sigmoid(12.0 * (progress - 0.5))
    raise ValueError(f"scheduled sampling {schedule!r} is not one of constant, linear, inverse_sigmoid")


def scheduled_probability(config: ScheduledSamplingConfig, step: tf.Tensor) -> tf.Tensor | None:
    """``sampling_probability`` as configured; None where scheduled sampling is off."""
    if config.schedule == "none":
        return None
    return sampling_probability(str(config.schedule), config.rate, config.warmup_steps, step)
