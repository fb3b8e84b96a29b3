"""The classifier: embedding, encoder, one vector of a text, a head, scores of labels."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.config.groups.classification import ClassificationModelConfig, Pooling
from seq2seq.config.groups.masking import MaskingConfig
from seq2seq.encoders.encoder import Encoder, EncoderOutput
from seq2seq.keras2 import keras
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.output_projection import OutputProjection
from seq2seq.layers.parts import Part, Stage, Table
from seq2seq.layers.pooling import pool
from seq2seq.masking import MaskingPolicy
from seq2seq.tasks.model_parts import build_embedding, build_encoder


class ClassificationModel(keras.Model):
    """Reads text and scores labels.

    Args:
      embedding, encoder: what reads.
      labels: C, how many there are.
      pooling: what becomes of the encoder's outputs, see ``pool``.
      head_layers, head_units: hidden layers over the vector of a text.
      head_dropout: on the inputs of each layer over that vector.
      masking: what happens to padding.
      embedding_dropout: on embedded vectors.
      word_dropout: on whole embedded vectors.
    """

    def __init__(
        self,
        *,
        embedding: Embedding,
        encoder: Encoder,
        labels: int,
        pooling: str,
        head_layers: int = 0,
        head_units: int = 128,
        head_dropout: float = 0.0,
        masking: MaskingPolicy = MaskingPolicy.STRICT,
        embedding_dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__(name="classification_model")
        self.embedding = embedding
        self.encoder = encoder
        self.pooling = pooling
        self.masking = masking
        self.source_dropout = Dropout(embedding_dropout, name="source_dropout")
        self.source_word_dropout = Dropout(word_dropout, whole=True, name="source_word_dropout")
        self.hidden = [
            keras.layers.Dense(head_units, activation="tanh", name=f"hidden_{k}") for k in range(head_layers)
        ]
        self.head_dropouts = [Dropout(head_dropout, name=f"head_dropout_{k}") for k in range(head_layers + 1)]
        depth = encoder.state_sizes[-1].h if pooling == Pooling.last else encoder.depth
        self.output_projection = OutputProjection(labels, head_units if head_layers else depth)
        self(tf.ones([1, 1], tf.int32), tf.ones([1], tf.int32))

    def parts(self) -> dict[str, Part]:
        """What another model can take over; see ``EncoderDecoder.parts``."""
        source = Table("source embedding", self.embedding.table, "source")
        head = {f"hidden {k}": hidden for k, hidden in enumerate(self.hidden)}
        return {
            "embeddings": Part(tables=(source,)),
            "encoder": Part(layers=self.encoder.stages(), tables=(source,)),
            "rest": Part(others=(Stage("head", {**head, "output": self.output_projection}),)),
        }

    def encode(
        self, source_ids: tf.Tensor, source_length: tf.Tensor, training: bool = False
    ) -> EncoderOutput:
        """Args: source_ids ``[B, S]`` int32; source_length ``[B]`` int32, from 1 to S."""
        length = self.masking.visible_length(source_length, tf.shape(source_ids)[1])
        vectors = self.source_word_dropout(self.embedding(source_ids), training=training)
        return self.encoder(self.source_dropout(vectors, training=training), length, training=training)

    def features(self, source_ids: tf.Tensor, source_length: tf.Tensor, training: bool = False) -> tf.Tensor:
        """What the scores are computed of, ``[B, D]`` float32; arguments as for ``encode``."""
        encoded = self.encode(source_ids, source_length, training)
        vector = pool(encoded.memory, encoded.memory_length, encoded.states[-1].h, self.pooling)
        for hidden, dropout in zip(self.hidden, self.head_dropouts):
            vector = tf.cast(hidden(self._dropped(dropout, vector, training)), tf.float32)
        return self._dropped(self.head_dropouts[-1], vector, training)

    @staticmethod
    def _dropped(dropout: Dropout, vector: tf.Tensor, training: bool) -> tf.Tensor:
        steps = tf.cast(
            dropout(vector[:, tf.newaxis], training=training), tf.float32
        )  # one, which it asks for
        return steps[:, 0]

    def call(self, source_ids: tf.Tensor, source_length: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits ``[B, C]`` float32; arguments as for ``encode``."""
        return self.output_projection(self.features(source_ids, source_length, training))

    def log_probs(self, source_ids: tf.Tensor, source_length: tf.Tensor) -> tf.Tensor:
        """``[B, C]`` float32, in nats."""
        return tf.nn.log_softmax(tf.cast(self(source_ids, source_length), tf.float32))


def build_classification_model(
    config: ClassificationModelConfig,
    masking: MaskingConfig,
    *,
    vocabulary_size: int,
    labels: int,
    gpu: bool = False,
) -> ClassificationModel:
    """Builds the classifier, its weights drawn from TensorFlow's global seed.

    Args:
      config: sizes and dropout.
      masking: what happens to padding.
      vocabulary_size: number of ids of the text.
      labels: how many there are.
      gpu: whether a GPU computes, for the choice of kernels.
    """
    return ClassificationModel(
        embedding=build_embedding(config, vocabulary_size, "source_embedding"),
        encoder=build_encoder(
            config,
            masking,
            input_depth=config.embedding.size,
            gpu=gpu,
            memory_is_read=config.pooling is not Pooling.last,
        ),
        labels=labels,
        pooling=str(config.pooling),
        head_layers=config.head.layers,
        head_units=config.head.units,
        head_dropout=config.head.dropout,
        masking=MaskingPolicy(str(masking.policy)),
        embedding_dropout=config.embedding.dropout,
        word_dropout=config.embedding.word_dropout,
    )
