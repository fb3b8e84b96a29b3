"""The speech model: log-mel features, acoustic encoder, CTC, bridge, attention decoder, output projection."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from seq2seq.audio.augmentation import SpecAugment
from seq2seq.audio.features import FeatureOptions, LogMel
from seq2seq.config.groups.masking import MaskingConfig
from seq2seq.config.groups.speech import FeatureConfig, SpecAugmentConfig, SpeechModelConfig
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.keras2 import keras
from seq2seq.layers.parts import Part, Stage, Table
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.tasks.model_parts import build_embedding, build_encoder, encoder_decoder_parts


class SpeechModel(EncoderDecoder):
    """Reads waveforms and writes text.

    Args:
      features, spec_augment: from waveforms to what the encoder reads; the second in training only.
      vocabulary_size: V, of CTC as of the decoder; the blank has the id of padding, which no text contains.
      **parts: see ``EncoderDecoder``.
    """

    def __init__(
        self, *, features: LogMel, spec_augment: SpecAugment, vocabulary_size: int, **parts: Any
    ) -> None:
        super().__init__(name="speech_model", **parts)
        self.features = features
        self.spec_augment = spec_augment
        self.ctc_projection = keras.layers.Dense(vocabulary_size, name="ctc_projection")
        second = features.options.sample_rate
        self(tf.zeros([1, second]), tf.fill([1], second), tf.ones([1, 1], tf.int32))

    def parts(self) -> dict[str, Part]:
        ctc = self.ctc_projection
        features = Stage("statistics of features", {"features": self.features})
        tables = (
            Table("CTC", ctc.kernel, "target", axis=1),
            Table("CTC bias", ctc.bias, "target"),
        )
        own = {"encoder": Part(others=(features,)), "rest": Part(tables=tables)}
        return {name: part.with_(own.get(name, Part())) for name, part in super().parts().items()}

    def encode(
        self,
        waveforms: tf.Tensor,
        length: tf.Tensor,
        training: bool = False,
        augment_scale: tf.Tensor | float = 1.0,
    ) -> EncoderOutput:
        """Args: waveforms ``[B, N]`` float32 in ±1; length ``[B]`` int32, samples, from 1 to N; augment_scale: see
        ``SpecAugment``."""
        length = self.masking.visible_length(length, tf.shape(waveforms)[1])
        features, feature_length = self.features(waveforms, length, training=training)
        features = self.spec_augment(features, feature_length, training=training, share=augment_scale)
        return self.encoder(features, feature_length, training=training)

    def ctc_logits(self, encoded: EncoderOutput) -> tf.Tensor:
        """``[B, S, V]``, of every step of the memory."""
        return self.ctc_projection(encoded.memory)

    def call(
        self, waveforms: tf.Tensor, length: tf.Tensor, target_inputs: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits of teacher forcing ``[B, T, V]``, and of CTC ``[B, S, V]``."""
        encoded = self.encode(waveforms, length, training)
        return self.logits(encoded, target_inputs, training), self.ctc_logits(encoded)


def build_features(config: FeatureConfig) -> LogMel:
    """From waveforms to log-mel features."""
    return LogMel(
        FeatureOptions(
            sample_rate=config.sample_rate,
            window_ms=config.window_ms,
            hop_ms=config.hop_ms,
            mel_bins=config.mel_bins,
            lower_hz=config.lower_hz,
            upper_hz=config.upper_hz,
            pre_emphasis=config.pre_emphasis,
            dither=config.dither,
            normalization=str(config.normalization),
        )
    )


def build_spec_augment(config: SpecAugmentConfig) -> SpecAugment:
    """Masks over features, in training."""
    return SpecAugment(
        frequency_masks=config.frequency_masks,
        frequency_width=config.frequency_width,
        time_masks=config.time_masks,
        time_width=config.time_width,
        max_mask_ratio=config.max_mask_ratio,
        time_warp=config.time_warp,
    )


def build_speech_model(
    config: SpeechModelConfig, masking: MaskingConfig, *, vocabulary_size: int, gpu: bool = False
) -> SpeechModel:
    """Builds the speech model, its weights drawn from TensorFlow's global seed.

    Args:
      config: sizes and dropout; validated.
      masking: what happens to padding.
      vocabulary_size: number of ids.
      gpu: whether a GPU computes, for the choice of kernels.
    """
    encoder = build_encoder(config, masking, input_depth=config.features.mel_bins, gpu=gpu)
    target = build_embedding(config, vocabulary_size, "target_embedding")
    return SpeechModel(
        features=build_features(config.features),
        spec_augment=build_spec_augment(config.spec_augment),
        vocabulary_size=vocabulary_size,
        **encoder_decoder_parts(config, masking, encoder, target, vocabulary_size),
    )
