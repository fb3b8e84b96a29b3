"""The translation model: embeddings, encoder, bridge, attention decoder, output projection."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.decoders.attention_decoder import AttentionDecoder
from seq2seq.encoders.recurrent import EncoderOutput, RecurrentEncoder
from seq2seq.layers.bridge import Bridge
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.output_projection import OutputProjection
from seq2seq.masking import MaskingPolicy
from seq2seq.models.encoder_decoder import EncoderDecoder


class TranslationModel(EncoderDecoder):
    """Reads text and writes text.

    Args:
      source_embedding, target_embedding: may be one object, where both sides share a table.
      encoder, bridge, decoder, output: the parts, each with its own documentation.
      masking: what happens to padding.
      embedding_dropout: on embedded vectors of both sides.
      word_dropout: on whole embedded vectors of both sides (Gal & Ghahramani 2016).
    """

    def __init__(
        self,
        *,
        source_embedding: Embedding,
        target_embedding: Embedding,
        encoder: RecurrentEncoder,
        bridge: Bridge,
        decoder: AttentionDecoder,
        output: OutputProjection,
        masking: MaskingPolicy = MaskingPolicy.STRICT,
        embedding_dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__(name="translation_model")
        self.source_embedding = source_embedding
        self.target_embedding = target_embedding
        self.encoder = encoder
        self.bridge = bridge
        self.decoder = decoder
        self.output_projection = output
        self.masking = masking
        self.source_dropout = Dropout(embedding_dropout, name="source_dropout")
        self.target_dropout = Dropout(embedding_dropout, name="target_dropout")
        self.source_word_dropout = Dropout(word_dropout, whole=True, name="source_word_dropout")
        self.target_word_dropout = Dropout(word_dropout, whole=True, name="target_word_dropout")
        one = tf.ones([1, 1], tf.int32)
        self(one, one[0], one)  # makes every variable, so that checkpoints and optimizers find them

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
        features = self.decode(
            self.encode(source_ids, source_length, training), target_inputs, training
        ).features
        shape = tf.shape(features)
        logits = self.output_projection(tf.reshape(features, [-1, features.shape[-1]]))
        return tf.reshape(logits, [shape[0], shape[1], logits.shape[-1]])
