"""Text to ids in the graph."""

from __future__ import annotations

import warnings
from typing import Any

import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.serving.graph_normalizer import GraphNormalizer
from seq2seq.serving.native_log import SENTENCEPIECE_NOTE, without_lines
from seq2seq.text import CharacterTokenizer, SentencePieceTokenizer, Tokenizer, WordTokenizer
from seq2seq.text.symbol_tokenizer import SPECIAL_PIECES, SymbolTokenizer


class GraphTokenizer:
    """A tokenizer's ``encode``, as part of a graph.

    Words and characters are core ops. SentencePiece is TensorFlow Text's op, which TensorFlow Serving has, too.

    Args:
      tokenizer: whose ids to give.

    Attributes:
      resources: what a SavedModel has to keep with the graph.

    Raises:
      UserError: TensorFlow Text is needed and not installed; a tokenizer of another kind.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.resources: list[Any] = []
        if isinstance(tokenizer, SentencePieceTokenizer):
            library = _tensorflow_text()
            with without_lines(SENTENCEPIECE_NOTE):
                self._sentencepiece = library.SentencepieceTokenizer(tokenizer.model, out_type=tf.int32)
            self.resources.append(self._sentencepiece)
        elif isinstance(tokenizer, SymbolTokenizer):
            ids = list(range(len(SPECIAL_PIECES), tokenizer.vocabulary_size))
            symbols = tf.lookup.KeyValueTensorInitializer(
                tf.constant(tokenizer.pieces(ids), tf.string), tf.constant(ids, tf.int64)
            )
            self._table = tf.lookup.StaticHashTable(symbols, tokenizer.unknown_id)
            self.resources.append(self._table)
        else:
            raise UserError(f"A tokenizer of type {type(tokenizer).__name__} cannot be part of a graph.")
        self._tokenizer = tokenizer
        self._normalize = GraphNormalizer(tokenizer.normalizer)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """``[B]`` strings to ids ``[B, (S)]`` int32, without start and end."""
        texts = self._normalize(texts)
        if isinstance(self._tokenizer, WordTokenizer):
            return tf.cast(self._look_up(tf.strings.split(texts)), tf.int32)
        if isinstance(self._tokenizer, CharacterTokenizer):
            return tf.cast(self._look_up(tf.strings.unicode_split(texts, "UTF-8")), tf.int32)
        return self._sentencepiece.tokenize(texts)

    def _look_up(self, symbols: tf.RaggedTensor) -> tf.RaggedTensor:
        return symbols.with_flat_values(self._table.lookup(symbols.flat_values))


def has_tensorflow_text() -> bool:
    """Whether SentencePiece can be part of a graph here."""
    try:
        _tensorflow_text()
    except UserError:
        return False
    return True


def _tensorflow_text() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # TensorFlow Hub's, about pkg_resources
            import tensorflow_text
    except ImportError as error:
        raise UserError(
            "export.tokenizer=in_graph: SentencePiece in a graph needs TensorFlow Text, which cannot be imported here"
            f" ({error}); pip install 'seq2seq-tf[serving]' (Linux on x86-64), or choose export.tokenizer=none, where"
            " clients send ids."
        ) from error
    return tensorflow_text
