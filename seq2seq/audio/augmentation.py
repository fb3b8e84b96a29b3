"""Changes to audio in training: of waveforms on the host, of features in the graph (SpecAugment)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr
import tensorflow as tf

from seq2seq import randomness
from seq2seq.keras2 import keras


def change_speed(
    waveform: np.ndarray, factors: Sequence[float], generator: np.random.Generator
) -> np.ndarray:
    """Plays faster or slower, which moves pitch and formants with it (Ko et al. 2015, "Audio augmentation").

    Args:
      waveform: ``[N]`` float32.
      factors: one of them is drawn, each equally often; 0.9, 1 and 1.1 are usual.

    Returns:
      ``[about N / factor]`` float32, at least one sample.
    """
    factor = float(generator.choice(factors))
    if factor == 1.0 or len(waveform) == 0:
        return waveform
    changed = soxr.resample(waveform, factor, 1.0)
    return changed if len(changed) else waveform


def add_noise(
    waveform: np.ndarray, snr_range: tuple[float, float], generator: np.random.Generator
) -> np.ndarray:
    """Adds white noise, so many dB below the audio's own mean power; silence stays silence.

    Args:
      waveform: ``[N]`` float32.
      snr_range: least and greatest ratio of signal to noise in dB, between which one is drawn.

    Returns:
      ``[N]`` float32.
    """
    ratio = generator.uniform(*snr_range)
    noise = generator.standard_normal(len(waveform), np.float32)
    power = np.mean(np.square(waveform), dtype=np.float64) if len(waveform) else 0.0
    return waveform + noise * np.float32(np.sqrt(power * 10.0 ** (-ratio / 10.0)))


def change_gain(waveform: np.ndarray, most_db: float, generator: np.random.Generator) -> np.ndarray:
    """Louder or softer by up to so many dB; nothing is clipped.

    Args:
      waveform: ``[N]`` float32.
    """
    return waveform * np.float32(10.0 ** (generator.uniform(-most_db, most_db) / 20.0))


class SpecAugment(keras.layers.Layer):
    """Time warp, frequency masks and time masks over features, in training (Park et al. 2019, arXiv:1904.08779).

    Each example draws its own. What is masked becomes the bin's mean over the utterance's real frames, which is 0 where
    features are normalised by utterance. Frames past the length stay zero, and no draw depends on the padding.

    - Frequency mask: f of 0 to ``frequency_width`` neighbouring bins, anywhere.
    - Time mask: t of 0 to ``time_width`` neighbouring frames, but at most ``max_mask_ratio`` of the length, anywhere.
    - Time warp: a frame at least ``time_warp`` from both ends moves by less than ``time_warp`` frames; what is before
      and after it is stretched or squeezed evenly, by linear interpolation in place of the paper's spline (the warp is
      what matters least there). Short utterances are warped by less.

    Args:
      frequency_masks, time_masks: how many; 0 is off.
      frequency_width, time_width: in bins, in frames.
      max_mask_ratio: from 0 to 1, for each time mask.
      time_warp: in frames; 0 is off.
    """

    def __init__(
        self,
        *,
        frequency_masks: int = 0,
        frequency_width: int = 27,
        time_masks: int = 0,
        time_width: int = 40,
        max_mask_ratio: float = 0.2,
        time_warp: int = 0,
        name: str = "spec_augment",
    ) -> None:
        super().__init__(name=name, dtype=tf.float32, autocast=False)
        self.frequency_masks = frequency_masks
        self.frequency_width = frequency_width
        self.time_masks = time_masks
        self.time_width = time_width
        self.max_mask_ratio = max_mask_ratio
        self.time_warp = time_warp

    def call(
        self,
        features: tf.Tensor,
        length: tf.Tensor,
        training: bool = False,
        share: tf.Tensor | float = 1.0,
    ) -> tf.Tensor:
        """Args: features ``[B, T, M]``, zero past the length; length ``[B]`` int32 from 0 to T; share, from 0 to 1, of
        the widths, while a schedule still widens them.

        Returns the same shape; the features themselves outside training.
        """
        if not training:
            return features
        if self.time_warp:
            features = self._warp(features, length, share)
        batch, time = tf.unstack(tf.shape(features)[:2])
        real = tf.sequence_mask(length, time)[:, :, tf.newaxis]  # [B, T, 1]
        masked = tf.zeros([batch, 1, 1], tf.bool)
        if self.frequency_masks:
            bins = tf.fill([batch], features.shape[-1])
            widest = tf.minimum(_share_of(self.frequency_width, share), bins)
            masked |= self._masks(self.frequency_masks, widest, bins, features.shape[-1])[:, tf.newaxis, :]
        if self.time_masks:
            widest = tf.cast(self.max_mask_ratio * tf.cast(length, tf.float32), tf.int32)
            widest = tf.minimum(_share_of(self.time_width, share), widest)
            masked |= self._masks(self.time_masks, widest, length, time)[:, :, tf.newaxis]
        count = tf.maximum(tf.cast(length, features.dtype), 1.0)[:, tf.newaxis, tf.newaxis]
        mean = tf.reduce_sum(features, axis=1, keepdims=True) / count  # [B, 1, M]; zero past the length
        return tf.where(masked & real, mean, features)

    def _masks(self, count: int, widest: tf.Tensor, length: tf.Tensor, size: tf.Tensor | int) -> tf.Tensor:
        """Which of ``size`` positions ``count`` masks cover, ``[B, size]`` bool.

        Args: widest ``[B]`` int32, of each mask; length ``[B]`` int32, which they stay within.
        """
        draws = randomness.uniform([2, tf.shape(length)[0], count])
        width = _up_to(widest[:, tf.newaxis], draws[0])  # [B, masks]
        start = _up_to(length[:, tf.newaxis] - width, draws[1])
        position = tf.range(size)
        start, end = start[:, :, tf.newaxis], (start + width)[:, :, tf.newaxis]
        return tf.reduce_any((position >= start) & (position < end), axis=1)

    def _warp(self, features: tf.Tensor, length: tf.Tensor, share: tf.Tensor | float) -> tf.Tensor:
        draws = randomness.uniform([2, tf.shape(length)[0], 1])
        last = tf.cast(tf.maximum(length - 1, 0), tf.float32)[:, tf.newaxis]  # [B, 1]
        most = tf.minimum(share * self.time_warp, last / 2)
        origin = most + draws[0] * (last - 2 * most)
        target = origin + (2 * draws[1] - 1) * most
        time = tf.range(tf.shape(features)[1])
        frame = tf.cast(time, tf.float32)  # [T]
        before = tf.math.divide_no_nan(frame * origin, target)
        after = last - tf.math.divide_no_nan((last - frame) * (last - origin), last - target)
        source = tf.where(frame < target, before, after)  # [B, T]
        source = tf.where(frame <= last, tf.clip_by_value(source, 0.0, last), frame)
        left = tf.cast(source, tf.int32)
        right = tf.minimum(
            left + 1, tf.maximum(length[:, tf.newaxis] - 1, left)
        )  # never a frame of the padding
        share = (source - tf.cast(left, tf.float32))[:, :, tf.newaxis]
        return (1 - share) * tf.gather(features, left, batch_dims=1) + share * tf.gather(
            features, right, batch_dims=1
        )


def _share_of(width: int, share: tf.Tensor | float) -> tf.Tensor:
    return tf.cast(tf.round(share * width), tf.int32)


def _up_to(most: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
    """Integers from 0 to ``most``, each equally often, from uniform draws in [0, 1)."""
    scaled = tf.cast(draw * tf.cast(most + 1, tf.float32), tf.int32)
    return tf.minimum(scaled, most)  # rounding of the product
