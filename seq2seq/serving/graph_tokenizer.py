"""Text to ids in the graph."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.serving.graph_normalizer import GraphNormalizer
from seq2seq.text import Tokenizer


class GraphTokenizer:
    """A tokenizer's ``encode``, as part of a graph.

    Args:
      tokenizer: whose ids to give.

    Attributes:
      resources: what a SavedModel has to keep with the graph.

    Raises:
      UserError: the tokenizer cannot be part of a graph.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._encode = tokenizer.in_graph()
        self.resources = self._encode.resources
        self._normalize = GraphNormalizer(tokenizer.normalizer)
        # Traced once, for all signatures that take text.
        self._ids_of = tf.function(
            lambda texts: self._encode(self._normalize(texts)),
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """``[B]`` strings to ids ``[B, (S)]`` int32, without start and end."""
        return self._ids_of(texts)
