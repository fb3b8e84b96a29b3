"""From the configuration of a model to the model."""

from __future__ import annotations

from seq2seq.audio.augmentation import SpecAugment
from seq2seq.audio.features import FeatureOptions, LogMel
from seq2seq.config.schema import CellConfig, MaskingConfig, ModelConfig, SpeechModelConfig
from seq2seq.decoders.attention_decoder import AttentionDecoder
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
        attention_kind=str(attention.kind),
        attention_units=attention.units,
        attention_scaled=attention.scaled,
        location=location if attention.kind == "location" else None,
        attention_size=attention.layer_size,
        attention_tanh=attention.layer_activation == "tanh",
        attention_dropout=attention.dropout,
        initializer_range=config.initializer_range,
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
    embedding, encoder = config.embedding, config.encoder
    policy = MaskingPolicy(str(masking.policy))
    kernel = encoder_kernel(config, masking, gpu=gpu).name
    tie = str(embedding.tie)
    source = Embedding(source_vocabulary_size, embedding.size, scale=embedding.scale, name="source_embedding")
    target = source
    if tie not in ("source_target", "all"):
        target = Embedding(
            target_vocabulary_size, embedding.size, scale=embedding.scale, name="target_embedding"
        )
    recurrent_encoder = RecurrentEncoder(
        layers=encoder.layers,
        units=encoder.units,
        options=cell_options(config.cell),
        bidirectional=encoder.bidirectional,
        residual=encoder.residual,
        dropout=encoder.dropout,
        output_dropout=encoder.output_dropout,
        recurrent_dropout=encoder.recurrent_dropout,
        variational=encoder.variational,
        initializer_range=config.initializer_range,
        kernel=kernel,
    )
    attention_decoder = build_decoder(config, recurrent_encoder.depth)
    return TranslationModel(
        source_embedding=source,
        target_embedding=target,
        encoder=recurrent_encoder,
        bridge=Bridge(
            str(config.bridge),
            encoder_sizes=recurrent_encoder.state_sizes,
            decoder_sizes=attention_decoder.cell.state_size,
        ),
        decoder=attention_decoder,
        output=OutputProjection(
            target_vocabulary_size,
            config.decoder.attention.layer_size,
            shared=target if tie in ("target_output", "all") else None,
        ),
        masking=policy,
        embedding_dropout=embedding.dropout,
        word_dropout=embedding.word_dropout,
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
    encoder, embedding, augment = config.encoder, config.embedding, config.spec_augment
    features = FeatureOptions(
        sample_rate=config.features.sample_rate,
        window_ms=config.features.window_ms,
        hop_ms=config.features.hop_ms,
        mel_bins=config.features.mel_bins,
        lower_hz=config.features.lower_hz,
        upper_hz=config.features.upper_hz,
        pre_emphasis=config.features.pre_emphasis,
        dither=config.features.dither,
        normalization=str(config.features.normalization),
    )
    acoustic_encoder = AcousticEncoder(
        front=ConvolutionalFront(
            str(encoder.front),
            bins=features.mel_bins,
            size=encoder.front_size,
            channels=encoder.front_channels,
            dropout=encoder.front_dropout,
        ),
        recurrent=RecurrentEncoder(
            layers=encoder.layers,
            units=encoder.units,
            options=cell_options(config.cell),
            bidirectional=encoder.bidirectional,
            projection=encoder.projection,
            reductions=[2 if k + 1 in encoder.reduce_after else 1 for k in range(encoder.layers)],
            reduction=str(encoder.reduction),
            residual=encoder.residual,
            dropout=encoder.dropout,
            output_dropout=encoder.output_dropout,
            recurrent_dropout=encoder.recurrent_dropout,
            variational=encoder.variational,
            initializer_range=config.initializer_range,
            kernel=encoder_kernel(config, masking, gpu=gpu).name,
        ),
    )
    target = Embedding(vocabulary_size, embedding.size, scale=embedding.scale, name="target_embedding")
    decoder = build_decoder(config, acoustic_encoder.depth)
    return SpeechModel(
        features=LogMel(features),
        spec_augment=SpecAugment(
            frequency_masks=augment.frequency_masks,
            frequency_width=augment.frequency_width,
            time_masks=augment.time_masks,
            time_width=augment.time_width,
            time_share=augment.time_share,
            time_warp=augment.time_warp,
        ),
        encoder=acoustic_encoder,
        bridge=Bridge(
            str(config.bridge),
            encoder_sizes=acoustic_encoder.state_sizes,
            decoder_sizes=decoder.cell.state_size,
        ),
        decoder=decoder,
        output=OutputProjection(
            vocabulary_size,
            config.decoder.attention.layer_size,
            shared=target if str(embedding.tie) == "target_output" else None,
        ),
        target_embedding=target,
        vocabulary_size=vocabulary_size,
        masking=MaskingPolicy(str(masking.policy)),
        embedding_dropout=embedding.dropout,
        word_dropout=embedding.word_dropout,
    )
