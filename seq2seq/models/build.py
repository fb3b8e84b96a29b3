"""From the configuration of a model to the model."""

from __future__ import annotations

from typing import Any

from seq2seq.audio.augmentation import SpecAugment
from seq2seq.audio.features import FeatureOptions, LogMel
from seq2seq.config.schema import (
    CellConfig,
    FeatureConfig,
    MaskingConfig,
    ModelConfig,
    SpecAugmentConfig,
    SpeechModelConfig,
)
from seq2seq.decoders.attention_decoder import AttentionDecoder, AttentionOptions
from seq2seq.encoders.acoustic import AcousticEncoder
from seq2seq.encoders.convolutional_front import ConvolutionalFront
from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.layers.bridge import Bridge
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.layers.output_projection import OutputProjection
from seq2seq.layers.recurrence import Kernel, choose_kernel
from seq2seq.masking import MaskingPolicy
from seq2seq.models.speech import SpeechModel
from seq2seq.models.translation import TranslationModel


def cell_options(config: CellConfig) -> CellOptions:
    """The options of every cell of a model."""
    return CellOptions(
        forget_bias=config.forget_bias,
        use_peepholes=config.use_peepholes,
        num_proj=config.num_proj,
        cell_clip=config.cell_clip,
        proj_clip=config.proj_clip,
        layer_norm=config.layer_norm,
    )


def encoder_kernel(config: ModelConfig, masking: MaskingConfig, *, gpu: bool) -> Kernel:
    """What runs the encoder's recurrence, and why."""
    return choose_kernel(
        MaskingPolicy(str(masking.policy)),
        cell_options(config.cell),
        config.encoder.recurrent_dropout,
        gpu=gpu,
    )


def build_decoder(config: ModelConfig, memory_depth: int) -> AttentionDecoder:
    """The attention decoder over a memory of this depth."""
    decoder, attention = config.decoder, config.decoder.attention
    location = dict(
        filters=attention.location_filters,
        width=attention.location_width,
        smoothing=attention.smoothing,
        window=attention.window,
    )
    return AttentionDecoder(
        layers=decoder.layers,
        units=decoder.units,
        options=cell_options(config.cell),
        input_depth=config.embedding.size,
        memory_depth=memory_depth,
        residual=decoder.residual,
        dropout=decoder.dropout,
        recurrent_dropout=decoder.recurrent_dropout,
        variational=decoder.variational,
        input_feeding=decoder.input_feeding,
        attention=AttentionOptions(
            size=attention.layer_size,
            kind=str(attention.kind),
            units=attention.units,
            scaled=attention.scaled,
            of_kind=location if attention.kind == "location" else {},
            tanh=attention.layer_activation == "tanh",
            dropout=attention.dropout,
        ),
        initializer_range=config.initializer_range,
    )


def build_recurrent_encoder(
    config: ModelConfig, masking: MaskingConfig, *, gpu: bool, **shortening: Any
) -> RecurrentEncoder:
    """The recurrent layers of an encoder; ``shortening``: what only the acoustic one has."""
    encoder = config.encoder
    return RecurrentEncoder(
        layers=encoder.layers,
        units=encoder.units,
        options=cell_options(config.cell),
        bidirectional=encoder.bidirectional,
        residual=encoder.residual,
        layer_norm=encoder.layer_norm,
        dropout=encoder.dropout,
        output_dropout=encoder.output_dropout,
        recurrent_dropout=encoder.recurrent_dropout,
        variational=encoder.variational,
        initializer_range=config.initializer_range,
        kernel=encoder_kernel(config, masking, gpu=gpu).name,
        **shortening,
    )


def build_embedding(config: ModelConfig, vocabulary_size: int, name: str) -> Embedding:
    """The embedding of one side."""
    return Embedding(vocabulary_size, config.embedding.size, scale=config.embedding.scale, name=name)


def encoder_decoder_parts(
    config: ModelConfig,
    masking: MaskingConfig,
    encoder: RecurrentEncoder | AcousticEncoder,
    target_embedding: Embedding,
    vocabulary_size: int,
) -> dict[str, Any]:
    """The encoder and all that comes after it: the arguments of ``EncoderDecoder``."""
    decoder = build_decoder(config, encoder.depth)
    ties_output = str(config.embedding.tie) in ("target_output", "all")
    return dict(
        encoder=encoder,
        bridge=Bridge(
            str(config.bridge),
            encoder_sizes=encoder.state_sizes,
            decoder_sizes=decoder.cell.state_size,
        ),
        decoder=decoder,
        output=OutputProjection(
            vocabulary_size,
            config.decoder.attention.layer_size,
            shared=target_embedding if ties_output else None,
        ),
        target_embedding=target_embedding,
        masking=MaskingPolicy(str(masking.policy)),
        embedding_dropout=config.embedding.dropout,
        word_dropout=config.embedding.word_dropout,
    )


def build_translation_model(
    config: ModelConfig,
    masking: MaskingConfig,
    *,
    source_vocabulary_size: int,
    target_vocabulary_size: int,
    gpu: bool = False,
) -> TranslationModel:
    """Builds the translation model, its weights drawn from TensorFlow's global seed.

    Args:
      config: sizes and dropout; validated, so that e.g. tied tables have one vocabulary.
      masking: what happens to padding.
      source_vocabulary_size, target_vocabulary_size: numbers of ids.
      gpu: whether a GPU computes, for the choice of kernels.
    """
    source = build_embedding(config, source_vocabulary_size, "source_embedding")
    target = source
    if str(config.embedding.tie) not in ("source_target", "all"):
        target = build_embedding(config, target_vocabulary_size, "target_embedding")
    encoder = build_recurrent_encoder(config, masking, gpu=gpu)
    parts = encoder_decoder_parts(config, masking, encoder, target, target_vocabulary_size)
    return TranslationModel(source_embedding=source, **parts)


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
        time_share=config.time_share,
        time_warp=config.time_warp,
    )


def build_acoustic_encoder(
    config: SpeechModelConfig, masking: MaskingConfig, *, gpu: bool
) -> AcousticEncoder:
    """The convolutional front and the recurrent layers."""
    encoder = config.encoder
    return AcousticEncoder(
        front=ConvolutionalFront(
            str(encoder.front),
            bins=config.features.mel_bins,
            size=encoder.front_size,
            channels=encoder.front_channels,
            dropout=encoder.front_dropout,
        ),
        recurrent=build_recurrent_encoder(
            config,
            masking,
            gpu=gpu,
            projection=encoder.projection,
            reductions=[2 if k + 1 in encoder.reduce_after else 1 for k in range(encoder.layers)],
            reduction=str(encoder.reduction),
        ),
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
    encoder = build_acoustic_encoder(config, masking, gpu=gpu)
    target = build_embedding(config, vocabulary_size, "target_embedding")
    return SpeechModel(
        features=build_features(config.features),
        spec_augment=build_spec_augment(config.spec_augment),
        vocabulary_size=vocabulary_size,
        **encoder_decoder_parts(config, masking, encoder, target, vocabulary_size),
    )
