"""Vectors of lines, as a model's encoder has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from seq2seq.datasets.batches.in_order import predict_lines
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.encoders.encoder import Encoder, EncoderOutput
from seq2seq.errors import require_several
from seq2seq.layers.pooling import pool
from seq2seq.text.tokenizer import Tokenizer


class Encoding(Protocol):
    """A model that reads text."""

    encoder: Encoder

    def encode(self, source_ids: tf.Tensor, source_length: tf.Tensor) -> EncoderOutput: ...


class Embedder:
    """Reads lines; one graph serves every batch.

    Args:
      model: with its weights.
      tokenizer: of the lines.
      pooling: see ``pool``; ``last`` is the final ``h`` of the last layer, both directions side by side.
      batch_size: lines that are computed together.
      max_source_length: lines are cut there, in tokens; 0: nowhere.
    """

    def __init__(
        self,
        model: Encoding,
        tokenizer: Tokenizer,
        *,
        pooling: str = "last",
        batch_size: int,
        max_source_length: int = 0,
    ) -> None:
        self._tokenizer = tokenizer
        self._depth = model.encoder.state_sizes[-1].h if pooling == "last" else model.encoder.depth
        self._size: dict[str, Any] = dict(batch_size=batch_size, max_source_length=max_source_length)

        def vectors(ids: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
            encoded = model.encode(ids, length)
            return pool(encoded.memory, encoded.memory_length, encoded.states[-1].h, pooling)

        signature = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)]
        self._graph = tf.function(vectors, input_signature=signature, autograph=False)

    def __call__(self, lines: Iterable[str]) -> Iterator[np.ndarray]:
        """``[D]`` float32 of each line, in their order and as they arrive; zeros of one without any token."""
        require_several(lines, "lines")
        return predict_lines(
            lines,
            self._vectors,
            empty=lambda _: np.zeros(self._depth, np.float32),
            source_tokenizer=self._tokenizer,
            target_tokenizer=self._tokenizer,
            batch_type="examples",
            **self._size,
        )

    def _vectors(self, batch: Batch) -> list[np.ndarray]:
        return list(self._graph(batch.source_ids, batch.source_length).numpy())
