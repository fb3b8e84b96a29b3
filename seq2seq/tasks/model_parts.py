"""From the configuration of a model to the parts that models of several tasks have."""

from __future__ import annotations

from typing import Any

from seq2seq.config.groups.masking import MaskingConfig
from seq2seq.config.groups.model import CellConfig, ModelConfig
from seq2seq.decoders.attention_decoder import AttentionDecoder, AttentionOptions
from seq2seq.encoders.acoustic import AcousticEncoder
from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.layers.bridge import Bridge
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.layers.output_projection import OutputProjection
from seq2seq.layers.recurrence import choose_kernel
from seq2seq.masking import MaskingPolicy


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
    encoder, options = config.encoder, cell_options(config.cell)
    return RecurrentEncoder(
        layers=encoder.layers,
        units=encoder.units,
        options=options,
        bidirectional=encoder.bidirectional,
        residual=encoder.residual,
        layer_norm=encoder.layer_norm,
        dropout=encoder.dropout,
        output_dropout=encoder.output_dropout,
        recurrent_dropout=encoder.recurrent_dropout,
        variational=encoder.variational,
        initializer_range=config.initializer_range,
        kernel=choose_kernel(MaskingPolicy(str(masking.policy)), options, encoder.recurrent_dropout, gpu=gpu),
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
