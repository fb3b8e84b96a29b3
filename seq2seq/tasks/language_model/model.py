"""The language model: embedding, recurrent layers in one direction, output projection."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, cast

import tensorflow as tf

from seq2seq.config.groups.language_model import LanguageModelConfig
from seq2seq.config.groups.masking import MaskingConfig
from seq2seq.config.groups.model import Tie
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.keras2 import keras
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.output_projection import OutputProjection
from seq2seq.layers.parts import Part, Stage, Table
from seq2seq.masking import MaskingPolicy
from seq2seq.state import LSTMState, States, zero_state
from seq2seq.tasks.model_parts import build_embedding, build_encoder


class Reading(NamedTuple):
    """What becomes of tokens that are read.

    Attributes:
      outputs: ``[B, T, D]`` float32 of the last layer, before dropout; zero past the length.
      features: the same after dropout, from which the next tokens are predicted.
      states: after the last real token, one per layer.
    """

    outputs: tf.Tensor
    features: tf.Tensor
    states: States


class LanguageModel(keras.Model):
    """Predicts each token of a line from those before it.

    Args:
      embedding: of the tokens.
      encoder: what reads, in one direction and without dropout on its outputs.
      output: the projection to the vocabulary, whose table may be the embedding's.
      masking: what happens to padding.
      embedding_dropout: on embedded vectors.
      word_dropout: on whole embedded vectors.
      output_dropout: on the outputs of the last layer.
      variational: one mask per sequence for the outputs instead of one per step.
    """

    def __init__(
        self,
        *,
        embedding: Embedding,
        encoder: RecurrentEncoder,
        output: OutputProjection,
        masking: MaskingPolicy = MaskingPolicy.STRICT,
        embedding_dropout: float = 0.0,
        word_dropout: float = 0.0,
        output_dropout: float = 0.0,
        variational: bool = False,
    ) -> None:
        super().__init__(name="language_model")
        self.embedding = embedding
        self.encoder = encoder
        self.output_projection = output
        self.masking = masking
        self.input_dropout = Dropout(embedding_dropout, name="input_dropout")
        self.word_dropout = Dropout(word_dropout, whole=True, name="word_dropout")
        self.output_dropout = Dropout(output_dropout, variational=variational, name="output_dropout")
        self(tf.ones([1, 1], tf.int32), tf.ones([1], tf.int32))

    def parts(self) -> dict[str, Part]:
        """What another model can take over, see ``EncoderDecoder.parts``: as an encoder, and as a decoder too."""
        table = self.embedding.table
        source, target = (Table(f"{side} embedding", table, side) for side in ("source", "target"))
        cells = Part(
            layers=tuple(
                Stage(f"layer {k + 1}", {"cell": forward.cell})
                for k, (forward,) in enumerate(self.encoder.stack)
            ),
            tables=(target,),
        )
        return {
            "embeddings": Part(tables=(source, target)),
            "encoder": Part(layers=self.encoder.stages(), tables=(source,)),
            "decoder": cells.with_(self.output_projection.part()),
            "rest": Part(),
        }

    def encode(
        self,
        inputs: tf.Tensor,
        length: tf.Tensor,
        initial_states: States | None = None,
        training: bool = False,
    ) -> EncoderOutput:
        """Reads tokens, or a window of longer lines.

        Args:
          inputs: ``[B, T]`` int32, T at least 1.
          length: ``[B]`` int32 from 0 to T; a row of length 0 keeps its state.
          initial_states: one per layer, after the tokens before; zeros where None: nothing was read yet.
          training: whether dropout is on.
        """
        length = self.masking.visible_length(length, tf.shape(inputs)[1])
        vectors = self.word_dropout(self.embedding(inputs), training=training)
        vectors = self.input_dropout(vectors, training=training)
        encoded: EncoderOutput = self.encoder(vectors, length, initial_states, training=training)
        return encoded

    def read(
        self,
        inputs: tf.Tensor,
        length: tf.Tensor,
        initial_states: States | None = None,
        training: bool = False,
    ) -> Reading:
        """Outputs and features at each token; arguments as for ``encode``."""
        encoded = self.encode(inputs, length, initial_states, training)
        features = self.output_dropout(encoded.memory, training=training)
        return Reading(encoded.memory, features, encoded.states)

    def features(
        self,
        inputs: tf.Tensor,
        length: tf.Tensor,
        initial_states: States | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, States]:
        """What the token after each of ``inputs`` is predicted from, ``[B, T, D]`` float32, and the states after the
        last; arguments as for ``encode``."""
        _, features, states = self.read(inputs, length, initial_states, training)
        return features, states

    def call(self, inputs: tf.Tensor, length: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits ``[B, T, V]`` float32 of the tokens after ``inputs``; arguments as for ``encode``."""
        features, _ = self.features(inputs, length, training=training)
        shape = tf.shape(features)
        logits = self.output_projection(tf.reshape(features, [-1, features.shape[-1]]))
        return tf.reshape(logits, [shape[0], shape[1], logits.shape[-1]])

    def start(self, batch_size: tf.Tensor | int) -> States:
        """The state before the first token of so many lines."""
        return tuple(zero_state(batch_size, size.c, size.h) for size in self.encoder.state_sizes)

    def step(self, ids: tf.Tensor, state: States) -> tuple[tf.Tensor, States]:
        """One token more: ids ``[N]`` int32 → logits ``[N, V]`` float32 of the next, and the state after it."""
        one = tf.ones_like(ids)
        features, states = self.features(ids[:, tf.newaxis], one, state)
        return self.output_projection(features[:, 0]), tuple(LSTMState(*each) for each in states)


def build_language_model(
    config: LanguageModelConfig, masking: MaskingConfig, *, vocabulary_size: int, gpu: bool = False
) -> LanguageModel:
    """Builds the language model, its weights drawn from TensorFlow's global seed.

    Args:
      config: sizes and dropout.
      masking: what happens to padding.
      vocabulary_size: number of ids.
      gpu: whether a GPU computes, for the choice of kernels.
    """
    embedding = build_embedding(config, vocabulary_size, "embedding")
    bare = replace(config, encoder=replace(config.encoder, output_dropout=0.0))  # the model applies it
    encoder = cast(RecurrentEncoder, build_encoder(bare, masking, input_depth=config.embedding.size, gpu=gpu))
    tied = config.embedding.tie is Tie.target_output
    return LanguageModel(
        embedding=embedding,
        encoder=encoder,
        output=OutputProjection(vocabulary_size, encoder.depth, shared=embedding if tied else None),
        masking=MaskingPolicy(str(masking.policy)),
        embedding_dropout=config.embedding.dropout,
        word_dropout=config.embedding.word_dropout,
        output_dropout=config.encoder.output_dropout,
        variational=config.encoder.variational,
    )
