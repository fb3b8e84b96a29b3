"""From the configuration of a model to the model."""

from __future__ import annotations

from seq2seq.config.schema import MaskingConfig, ModelConfig
from seq2seq.decoders.attention_decoder import AttentionDecoder
from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.layers.bridge import Bridge
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.output_projection import OutputProjection
from seq2seq.masking import MaskingPolicy
from seq2seq.models.encoder_decoder import EncoderDecoder


def build_encoder_decoder(
    config: ModelConfig, masking: MaskingConfig, *, source_vocabulary_size: int, target_vocabulary_size: int
) -> EncoderDecoder:
    """Builds the translation model, its weights drawn from TensorFlow's global seed.

    Args:
      config: sizes and dropout; validated, so that e.g. tied tables have one vocabulary.
      masking: what happens to padding.
      source_vocabulary_size, target_vocabulary_size: numbers of ids.
    """
    embedding, encoder, decoder, attention = (
        config.embedding,
        config.encoder,
        config.decoder,
        config.decoder.attention,
    )
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
        bidirectional=encoder.bidirectional,
        residual=encoder.residual,
        dropout=encoder.dropout,
        output_dropout=encoder.output_dropout,
        recurrent_dropout=encoder.recurrent_dropout,
        variational=encoder.variational,
        forget_bias=config.forget_bias,
        initializer_range=config.initializer_range,
    )
    return EncoderDecoder(
        source_embedding=source,
        target_embedding=target,
        encoder=recurrent_encoder,
        bridge=Bridge(
            str(config.bridge),
            encoder_units=[recurrent_encoder.depth] * encoder.layers,
            decoder_units=[decoder.units] * decoder.layers,
        ),
        decoder=AttentionDecoder(
            layers=decoder.layers,
            units=decoder.units,
            input_depth=embedding.size,
            memory_depth=recurrent_encoder.depth,
            residual=decoder.residual,
            dropout=decoder.dropout,
            recurrent_dropout=decoder.recurrent_dropout,
            variational=decoder.variational,
            input_feeding=decoder.input_feeding,
            attention_kind=str(attention.kind),
            attention_units=attention.units,
            attention_scaled=attention.scaled,
            attention_size=attention.layer_size,
            attention_tanh=attention.layer_activation == "tanh",
            attention_dropout=attention.dropout,
            forget_bias=config.forget_bias,
            initializer_range=config.initializer_range,
        ),
        output=OutputProjection(
            target_vocabulary_size,
            attention.layer_size,
            shared=target if tie in ("target_output", "all") else None,
        ),
        masking=MaskingPolicy(str(masking.policy)),
        embedding_dropout=embedding.dropout,
        word_dropout=embedding.word_dropout,
    )
