"""The translation model: embeddings, encoder, bridge, attention decoder, output projection."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from seq2seq.config.groups.masking import MaskingConfig
from seq2seq.config.groups.model import ModelConfig
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.parts import Part, Table
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.tasks.model_parts import build_embedding, build_encoder, encoder_decoder_parts


class TranslationModel(EncoderDecoder):
    """Reads text and writes text.

    Args:
      source_embedding: of what the encoder reads; may be ``target_embedding``, where both sides share a table.
      embedding_dropout, word_dropout: of both sides.
      **parts: see ``EncoderDecoder``.
    """

    def __init__(
        self,
        *,
        source_embedding: Embedding,
        embedding_dropout: float = 0.0,
        word_dropout: float = 0.0,
        **parts: Any,
    ) -> None:
        super().__init__(
            embedding_dropout=embedding_dropout, word_dropout=word_dropout, name="translation_model", **parts
        )
        self.source_embedding = source_embedding
        self.source_dropout = Dropout(embedding_dropout, name="source_dropout")
        self.source_word_dropout = Dropout(word_dropout, whole=True, name="source_word_dropout")
        one = tf.ones([1, 1], tf.int32)
        self(one, one[0], one)

    def parts(self) -> dict[str, Part]:
        parts, source = super().parts(), Table("source embedding", self.source_embedding.table, "source")
        own = {"embeddings": Part(tables=(source,)), "encoder": Part(tables=(source,))}
        return {name: own.get(name, Part()).with_(part) for name, part in parts.items()}

    def encode(
        self, source_ids: tf.Tensor, source_length: tf.Tensor, training: bool = False
    ) -> EncoderOutput:
        """Args: source_ids ``[B, S]`` int32; source_length ``[B]`` int32, from 1 to S."""
        length = self.masking.visible_length(source_length, tf.shape(source_ids)[1])
        vectors = self.source_word_dropout(self.source_embedding(source_ids), training=training)
        return self.encoder(self.source_dropout(vectors, training=training), length, training=training)

    def call(
        self,
        source_ids: tf.Tensor,
        source_length: tf.Tensor,
        target_inputs: tf.Tensor,
        training: bool = False,
    ) -> tf.Tensor:
        """Logits ``[B, T, V]`` of teacher forcing."""
        return self.logits(self.encode(source_ids, source_length, training), target_inputs, training)


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
    encoder = build_encoder(
        config,
        masking,
        input_depth=config.embedding.size,
        gpu=gpu,
        memory_is_read=config.decoder.attention.attends,
    )
    parts = encoder_decoder_parts(config, masking, encoder, target, target_vocabulary_size)
    return TranslationModel(source_embedding=source, **parts)
