"""Log-mel features in the graph, so that an exported model takes waveforms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from seq2seq import randomness
from seq2seq.errors import UserError
from seq2seq.keras2 import keras

NORMALIZATIONS = ("none", "utterance", "corpus")

ENERGY_FLOOR = 1e-8
"""Least energy of a bin: about that of the rounding to 16 bits, so that digital silence does not stand out from it."""

VARIANCE_FLOOR = 1e-3
"""Added to variances before the division; those of speech are 1 to 10."""


@dataclass(frozen=True)
class FeatureOptions:
    """What log-mel features are made of.

    Attributes:
      sample_rate: of the waveforms, in Hz.
      window_ms, hop_ms: length and distance of the frames.
      mel_bins: M.
      lower_hz, upper_hz: what the bins cover; an upper_hz of 0 is half of the sample rate.
      pre_emphasis: a in ``y[n] = x[n] - a x[n - 1]``; 0 is off.
      dither: standard deviation of the noise that is added to waveforms in training; 3e-5 is one step of 16 bits.
      normalization: "none"; "utterance": mean 0, variance 1 of each bin over the utterance's real frames; "corpus": the
        same over the training data, whose statistics the layer is given once.

    Raises:
      UserError: values that make no features.
    """

    sample_rate: int = 16000
    window_ms: float = 25.0
    hop_ms: float = 10.0
    mel_bins: int = 80
    lower_hz: float = 20.0
    upper_hz: float = 0.0
    pre_emphasis: float = 0.97
    dither: float = 0.0
    normalization: str = "utterance"

    def __post_init__(self) -> None:
        nyquist = self.sample_rate / 2
        if self.window < 2 or self.hop < 1:
            raise UserError(
                f"window_ms={self.window_ms:g} and hop_ms={self.hop_ms:g} must be at least 2 samples and 1 at"
                f" sample_rate={self.sample_rate}."
            )
        if not 0 <= self.lower_hz < self.highest_hz <= nyquist:
            raise UserError(
                f"lower_hz={self.lower_hz:g} must be below upper_hz={self.highest_hz:g}, and that at most"
                f" {nyquist:g}, half of sample_rate={self.sample_rate}."
            )
        if self.normalization not in NORMALIZATIONS:
            raise UserError(f"normalization={self.normalization} must be one of {', '.join(NORMALIZATIONS)}.")

    @property
    def window(self) -> int:
        """In samples."""
        return round(self.sample_rate * self.window_ms / 1000)

    @property
    def hop(self) -> int:
        """In samples."""
        return round(self.sample_rate * self.hop_ms / 1000)

    @property
    def fft_length(self) -> int:
        """The least power of two that holds the window."""
        return 1 << (self.window - 1).bit_length()

    @property
    def highest_hz(self) -> float:
        return self.upper_hz or self.sample_rate / 2


class LogMel(keras.layers.Layer):
    """Waveforms to the logarithms of their energies in mel bins.

    Pre-emphasis over the whole waveform, frames of a Hann window, power spectrum, triangular filters of equal width and
    distance on HTK's mel scale (``2595 log10(1 + f / 700)``), natural logarithm.

    A waveform of N samples has ``1 + (N - window) // hop`` frames, so that no frame reaches past its end; one shorter
    than a window has one frame, filled up with zeros; one of length 0 has none. What a row gives depends on neither its
    padding nor its batch mates.

    Args:
      options: all of the above.

    Attributes:
      mean, deviation: ``[M]``, not trained; only with normalization="corpus". Until ``set_statistics`` gives them their
        values they are 0 and 1.
    """

    def __init__(self, options: FeatureOptions, name: str = "log_mel") -> None:
        super().__init__(name=name, dtype=tf.float32, autocast=False)
        self.options = options
        self._window = tf.signal.hann_window(options.window).numpy()
        self._mel = mel_filters(options)
        if options.normalization == "corpus":
            shape = [options.mel_bins]
            self.mean = self.add_weight("mean", shape, initializer="zeros", trainable=False)
            self.deviation = self.add_weight("deviation", shape, initializer="ones", trainable=False)

    def frames(self, length: tf.Tensor) -> tf.Tensor:
        """How many frames waveforms of these lengths have: int32 of the same shape."""
        beyond = tf.maximum(length - self.options.window, 0)
        return tf.where(length > 0, 1 + beyond // self.options.hop, 0)

    def call(
        self, waveforms: tf.Tensor, length: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Args: waveforms ``[B, N]`` float32 in ±1; length ``[B]`` int32 from 0 to N; N at least 1.

        Returns:
          Features ``[B, T, M]`` float32, zero past the feature length, where T is the number of frames of N samples;
          and the feature length ``[B]`` int32.
        """
        features, mask = self._log_energies(waveforms, length, training)
        if self.options.normalization == "utterance":
            count = tf.maximum(tf.reduce_sum(mask, axis=1, keepdims=True), 1.0)  # [B, 1, 1]
            features -= tf.reduce_sum(features * mask, axis=1, keepdims=True) / count  # [B, 1, M]
            variance = tf.reduce_sum(tf.square(features) * mask, axis=1, keepdims=True) / count
            features *= tf.math.rsqrt(variance + VARIANCE_FLOOR)
        elif self.options.normalization == "corpus":
            features = (features - self.mean) / self.deviation
        return features * mask, self.frames(length)

    def sums(self, waveforms: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """What the statistics of a corpus are made of; add them up over its batches.

        Returns:
          ``[3, M]`` float64: number of frames, sum, and sum of squares of each bin before normalisation.
        """
        features, mask = self._log_energies(waveforms, length, training=False)
        features, mask = tf.cast(features, tf.float64), tf.cast(mask, tf.float64)
        terms = tf.stack([tf.ones_like(features), features, tf.square(features)])  # [3, B, T, M]
        return tf.reduce_sum(terms * mask, axis=[1, 2])

    def set_statistics(self, sums: np.ndarray) -> None:
        """Sets the mean and the deviation that normalization="corpus" uses.

        Args:
          sums: ``[3, M]``, added up from ``sums`` over the training data.
        """
        count, total, squares = np.asarray(sums, np.float64)
        mean = total / count
        self.mean.assign(mean)
        self.deviation.assign(np.sqrt(np.maximum(squares / count - mean**2, 0.0) + VARIANCE_FLOOR))

    def _log_energies(
        self, waveforms: tf.Tensor, length: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Before normalisation ``[B, T, M]``; and what is real, 1 or 0, ``[B, T, 1]``."""
        options = self.options
        if training and options.dither > 0.0:
            waveforms += randomness.normal(tf.shape(waveforms), deviation=options.dither)
        before = tf.pad(waveforms[:, :-1], [[0, 0], [1, 0]])
        real = tf.sequence_mask(length, tf.shape(waveforms)[1])
        waveforms = tf.where(real, waveforms - options.pre_emphasis * before, 0.0)
        short = tf.maximum(options.window - tf.shape(waveforms)[1], 0)
        waveforms = tf.pad(waveforms, [[0, 0], [0, short]])
        frames = tf.signal.frame(waveforms, options.window, options.hop)  # [B, T, window]
        spectrum = tf.signal.rfft(frames * self._window, [options.fft_length])  # [B, T, F] complex64
        power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
        energies = tf.tensordot(power, self._mel, 1)  # [B, T, M]
        mask = tf.sequence_mask(self.frames(length), tf.shape(energies)[1], tf.float32)
        return tf.math.log(tf.maximum(energies, ENERGY_FLOOR)), mask[:, :, tf.newaxis]


def mel_filters(options: FeatureOptions) -> np.ndarray:
    """The triangular filters ``[fft_length // 2 + 1, M]`` float32.

    Raises:
      UserError: there are so many bins that one of them holds no frequency of the spectrum.
    """
    filters = tf.signal.linear_to_mel_weight_matrix(
        options.mel_bins,
        options.fft_length // 2 + 1,
        options.sample_rate,
        options.lower_hz,
        options.highest_hz,
        dtype=tf.float64,
    ).numpy()
    empty = np.flatnonzero(filters.sum(axis=0) == 0)
    if len(empty):
        raise UserError(
            f"mel_bins={options.mel_bins} are too many for window_ms={options.window_ms:g} at"
            f" sample_rate={options.sample_rate}: bin {empty[0]} holds no frequency."
        )
    return filters.astype(np.float32)
