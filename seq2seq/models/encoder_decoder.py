"""What every model that reads a source and writes a target shares: everything after its encoder."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from seq2seq.decoders.attention_decoder import AttentionDecoder, DecoderOutput, DecoderState
from seq2seq.encoders.encoder import Encoder, EncoderOutput
from seq2seq.keras2 import keras
from seq2seq.layers.attention.mechanism import Memory
from seq2seq.layers.bridge import Bridge
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.output_projection import OutputProjection
from seq2seq.layers.parts import Part, Stage, Table
from seq2seq.masking import MaskingPolicy


class EncoderDecoder(keras.Model):
    """The attention decoder between an encoder's output and the logits of a target. A subclass adds the way into the
    encoder: a method ``encode(source, source_length, training)`` that gives an ``EncoderOutput``; and makes every
    variable when it is made, so that checkpoints and optimizers find them.

    Args:
      encoder, bridge, decoder, output: the parts, each with its own documentation.
      target_embedding: of what the decoder reads.
      masking: what happens to padding.
      embedding_dropout: on embedded vectors.
      word_dropout: on whole embedded vectors (Gal & Ghahramani 2016).
    """

    def __init__(
        self,
        *,
        encoder: Encoder,
        bridge: Bridge,
        decoder: AttentionDecoder,
        output: OutputProjection,
        target_embedding: Embedding,
        masking: MaskingPolicy = MaskingPolicy.STRICT,
        embedding_dropout: float = 0.0,
        word_dropout: float = 0.0,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self.target_embedding = target_embedding
        self.encoder = encoder
        self.bridge = bridge
        self.decoder = decoder
        self.output_projection = output
        self.masking = masking
        self.target_dropout = Dropout(embedding_dropout, name="target_dropout")
        self.target_word_dropout = Dropout(word_dropout, whole=True, name="target_word_dropout")

    @property
    def attends(self) -> bool:
        """Whether the decoder looks at the memory, and there are alignments."""
        return self.decoder.mechanism.context_depth > 0

    def parts(self) -> dict[str, Part]:
        """What another model can take over, by the key of ``init``; ``rest`` goes with everything alone. A subclass
        adds what it has of its own."""
        embedding = Part(tables=(Table("target embedding", self.target_embedding.table, "target"),))
        return {
            "embeddings": embedding,
            "encoder": Part(layers=self.encoder.stages()),
            "decoder": self.decoder.parts().with_(embedding).with_(self.output_projection.part()),
            "rest": Part(others=(Stage("bridge", {"bridge": self.bridge}),)),
        }

    def decode(
        self,
        encoded: EncoderOutput,
        target_inputs: tf.Tensor,
        training: bool = False,
        sampling_probability: tf.Tensor | None = None,
    ) -> DecoderOutput:
        """Features at every step of a known target (teacher forcing).

        Args:
          encoded: from ``encode``.
          target_inputs: ``[B, T]`` int32, ``<s> y``.
          training: whether dropout is on.
          sampling_probability: scalar, for scheduled sampling; None: off.
        """
        vectors = self.target_word_dropout(self.target_embedding(target_inputs), training=training)
        vectors = self.target_dropout(vectors, training=training)
        memory = self.decoder.prepare(encoded.memory, encoded.memory_length)
        sampling = None
        if sampling_probability is not None:
            sampling = (sampling_probability, self.output_projection, self.target_embedding)
        return self.decoder(vectors, self.bridge(encoded.states), memory, training, sampling)

    def logits(self, encoded: EncoderOutput, target_inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits ``[B, T, V]`` of teacher forcing; arguments as for ``decode``."""
        features = self.decode(encoded, target_inputs, training).features
        shape = tf.shape(features)
        logits = self.output_projection(tf.reshape(features, [-1, features.shape[-1]]))
        return tf.reshape(logits, [shape[0], shape[1], logits.shape[-1]])

    def by_member(self, encoded: EncoderOutput) -> list[tuple[Any, EncoderOutput]]:
        """Of an ensemble its models, each with what it made of the sources; it is none."""
        return []

    def start(self, encoded: EncoderOutput) -> tuple[DecoderState, Memory]:
        """State and memory that a search begins with."""
        memory = self.decoder.prepare(encoded.memory, encoded.memory_length)
        return self.decoder.initial_state(self.bridge(encoded.states), memory), memory

    def step(
        self, ids: tf.Tensor, state: DecoderState, memory: Memory
    ) -> tuple[tf.Tensor, DecoderState, tf.Tensor]:
        """One step of a search: ids ``[N]`` → logits ``[N, V]``, next state, alignments ``[N, S]``."""
        features, state = self.decoder.step(self.target_embedding(ids), state, memory)
        return self.output_projection(features), state, state.alignments
