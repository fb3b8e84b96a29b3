"""The speech model: log-mel features, acoustic encoder, CTC, bridge, attention decoder, output projection."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.audio.augmentation import SpecAugment
from seq2seq.audio.features import LogMel
from seq2seq.decoders.attention_decoder import AttentionDecoder
from seq2seq.encoders.acoustic import AcousticEncoder
from seq2seq.encoders.recurrent import EncoderOutput
from seq2seq.layers.bridge import Bridge
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.output_projection import OutputProjection
from seq2seq.masking import MaskingPolicy
from seq2seq.models.encoder_decoder import EncoderDecoder


class SpeechModel(EncoderDecoder):
    """Hears waveforms and writes text.

    Args:
      features, spec_augment: from waveforms to what the encoder reads; the second in training only.
      encoder, bridge, decoder, output: the parts, each with its own documentation.
      target_embedding: of what the decoder reads.
      vocabulary_size: V, of CTC as of the decoder; the blank has the id of padding, which no text contains.
      masking: what happens to padding.
      embedding_dropout, word_dropout: on embedded vectors, and on whole ones.
    """

    def __init__(
        self,
        *,
        features: LogMel,
        spec_augment: SpecAugment,
        encoder: AcousticEncoder,
        bridge: Bridge,
        decoder: AttentionDecoder,
        output: OutputProjection,
        target_embedding: Embedding,
        vocabulary_size: int,
        masking: MaskingPolicy = MaskingPolicy.STRICT,
        embedding_dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__(name="speech_model")
        self.features = features
        self.spec_augment = spec_augment
        self.encoder = encoder
        self.bridge = bridge
        self.decoder = decoder
        self.output_projection = output
        self.target_embedding = target_embedding
        self.ctc_projection = tf.keras.layers.Dense(vocabulary_size, name="ctc_projection")
        self.masking = masking
        self.target_dropout = Dropout(embedding_dropout, name="target_dropout")
        self.target_word_dropout = Dropout(word_dropout, whole=True, name="target_word_dropout")
        second = tf.zeros(
            [1, features.options.sample_rate]
        )  # makes every variable, for checkpoints and optimizers
        self(second, tf.fill([1], features.options.sample_rate), tf.ones([1, 1], tf.int32))

    def encode(self, waveforms: tf.Tensor, length: tf.Tensor, training: bool = False) -> EncoderOutput:
        """Args: waveforms ``[B, N]`` float32 in ±1; length ``[B]`` int32, samples, from 1 to N."""
        length = self.masking.visible_length(length, tf.shape(waveforms)[1])
        features, feature_length = self.features(waveforms, length, training=training)
        features = self.spec_augment(features, feature_length, training=training)
        return self.encoder(features, feature_length, training=training)

    def ctc_logits(self, encoded: EncoderOutput) -> tf.Tensor:
        """``[B, S, V]``, of every step of the memory."""
        shape = tf.shape(encoded.memory)
        logits = self.ctc_projection(tf.reshape(encoded.memory, [-1, encoded.memory.shape[-1]]))
        return tf.reshape(logits, [shape[0], shape[1], logits.shape[-1]])

    def call(
        self, waveforms: tf.Tensor, length: tf.Tensor, target_inputs: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits of teacher forcing ``[B, T, V]``, and of CTC ``[B, S, V]``."""
        encoded = self.encode(waveforms, length, training)
        features = self.decode(encoded, target_inputs, training).features
        shape = tf.shape(features)
        logits = self.output_projection(tf.reshape(features, [-1, features.shape[-1]]))
        return tf.reshape(logits, [shape[0], shape[1], logits.shape[-1]]), self.ctc_logits(encoded)
