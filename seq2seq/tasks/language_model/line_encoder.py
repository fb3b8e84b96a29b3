"""A language model as an encoder of lines."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.tasks.language_model.model import LanguageModel


class LineEncoder:
    """Reads each line after its start, as in training; what it says of the start itself is left out.

    Args:
      model: with its weights.
      start_id: of its tokenizer.
    """

    def __init__(self, model: LanguageModel, start_id: int) -> None:
        self.encoder = model.encoder
        self._model = model
        self._start_id = start_id

    def encode(self, ids: tf.Tensor, length: tf.Tensor) -> EncoderOutput:
        """Args: ids ``[B, T]`` int32, without the start; length ``[B]`` int32, from 0 to T."""
        started = tf.pad(ids, [[0, 0], [1, 0]], constant_values=self._start_id)
        encoded = self._model.encode(started, length + 1)
        return encoded._replace(memory=encoded.memory[:, 1:], memory_length=encoded.memory_length - 1)
