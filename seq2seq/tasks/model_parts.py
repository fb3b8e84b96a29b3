"""From the configuration of a model to the parts that models of several tasks have."""

from __future__ import annotations

from typing import Any

from seq2seq.config.groups.attention import ATTENTIONS
from seq2seq.config.groups.masking import MaskingConfig
from seq2seq.config.groups.model import ENCODERS, BaseModelConfig, CellConfig, ModelConfig
from seq2seq.decoders.attention_decoder import AttentionDecoder, AttentionOptions
from seq2seq.encoders.encoder import Encoder
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
    mechanism = ATTENTIONS[attention.kind].bind(
        attention, "model.decoder.attention", "units", "memory_depth", "query_depth", "scaled"
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
            mechanism=mechanism,
            units=attention.units,
            scaled=attention.scaled,
            tanh=attention.layer_activation == "tanh",
            dropout=attention.dropout,
        ),
        initializer_range=config.initializer_range,
    )


def build_encoder(
    config: BaseModelConfig,
    masking: MaskingConfig,
    *,
    input_depth: int,
    gpu: bool,
    memory_is_read: bool = True,
) -> Encoder:
    """The encoder of the kind that is chosen, over inputs of this depth.

    Args:
      config, masking: of the model.
      input_depth: E, of what is read.
      gpu: whether a GPU computes, for the choice of kernels.
      memory_is_read: whether anything learns from its outputs, and not from its final states alone.

    Raises:
      UserError: ``model.encoder.options`` are not its.
    """
    encoder, cell = config.encoder, cell_options(config.cell)
    part = ENCODERS[encoder.kind]
    surroundings = {
        "input_depth": input_depth,
        "cell": cell,
        "kernel": choose_kernel(
            MaskingPolicy(str(masking.policy)),
            cell,
            encoder.recurrent_dropout,
            gpu=gpu,
            weight_dropout=encoder.weight_dropout,
        ),
        "initializer_range": config.initializer_range,
        "memory_is_read": memory_is_read,
    }
    asked = {name: value for name, value in surroundings.items() if name in part.takes}
    return part.bind(encoder, "model.encoder", *asked)(**asked)


def build_embedding(config: BaseModelConfig, vocabulary_size: int, name: str) -> Embedding:
    """The embedding of one side."""
    return Embedding(vocabulary_size, config.embedding.size, scale=config.embedding.scale, name=name)


def encoder_decoder_parts(
    config: ModelConfig,
    masking: MaskingConfig,
    encoder: Encoder,
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
