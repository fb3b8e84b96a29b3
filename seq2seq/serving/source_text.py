"""The inputs of signatures that read text: texts where the tokenizer is in the graph, else ids."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.errors import UserError
from seq2seq.serving.graph_checks import checked_ids, checked_lengths, checked_size, checked_text
from seq2seq.serving.graph_tokenizer import GraphTokenizer
from seq2seq.text import Tokenizer

logger = logging.getLogger(__name__)

IDS = tf.TensorSpec([None, None], tf.int32, "ids")
TEXT = tf.TensorSpec([None], tf.string, "text")

ABOUT_TEXT = {
    "text": "as it is written; normalised and tokenised in the graph",
    "ids": "token ids, padded to the longest row",
}


def can_be_in_graph(chosen: str, tokenizers: Iterable[Tokenizer]) -> bool:
    """Whether text is tokenised in the graph.

    Args:
      chosen: ``export.tokenizer``.
      tokenizers: that it would take.

    Raises:
      UserError: the tokenizer is to be in the graph and cannot be.
    """
    if chosen == "none":
        return False
    try:
        for tokenizer in dict.fromkeys(tokenizers):
            GraphTokenizer(tokenizer)
    except UserError as error:
        if chosen == "auto":
            logger.warning("Clients of this export send token ids, not text: %s.", error)
            return False
        raise UserError(
            f"export.tokenizer={chosen}: {error}, or choose export.tokenizer=none, where clients send ids."
        ) from error
    return True


class SourceText:
    """What is done with texts, or with ids, before a model sees them.

    Args:
      tokenizer: of the texts.
      limits: of a request.
      in_graph: whether text is tokenised in the graph.

    Attributes:
      resources: what a SavedModel has to keep with the graph.
    """

    def __init__(self, tokenizer: Tokenizer, limits: ExportConfig, *, in_graph: bool) -> None:
        self.tokenizer = tokenizer
        self._limits = limits
        self._encode = GraphTokenizer(tokenizer) if in_graph else None
        self.resources = self._encode.resources if self._encode else []

    def ids_of(self, texts: tf.Tensor, name: str, cut: int = 0) -> tuple[tf.Tensor, tf.Tensor]:
        """Ids ``[B, T]`` and lengths ``[B]`` of texts, cut to so many ids unless that is 0."""
        assert self._encode is not None
        texts = checked_text(texts, name, max_rows=self._limits.max_batch, max_bytes=self._limits.max_bytes)
        ids = self._encode(texts)
        ids = ids[:, :cut] if cut else ids
        return ids.to_tensor(self.tokenizer.pad_id), tf.cast(ids.row_lengths(), tf.int32)

    def bounded(self, ids: tf.Tensor, name: str) -> tf.Tensor:
        """Ids ``[B, T]`` of no more rows and columns than a request may have."""
        return checked_size(
            ids, name, max_rows=self._limits.max_batch, max_columns=self._limits.max_tokens, columns="tokens"
        )

    def checked(
        self, ids: tf.Tensor, lengths: tf.Tensor, ids_name: str = "ids", lengths_name: str = "lengths"
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Ids ``[B, T]`` of the vocabulary and their lengths ``[B]``, which may be 0."""
        ids = self.bounded(ids, ids_name)
        lengths = checked_lengths(lengths, ids, lengths_name, ids_name)
        size, pad_id = self.tokenizer.vocabulary_size, self.tokenizer.pad_id
        return checked_ids(ids, lengths, ids_name, vocabulary_size=size, pad_id=pad_id), lengths
