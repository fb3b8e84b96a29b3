"""Tokenizers with a list of symbols in a graph: core ops of TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import tensorflow as tf


class SymbolsInGraph:
    """See `seq2seq.text.tokenizer.GraphForm`.

    Args:
        symbols: the vocabulary without the special ids.
        ids: of the symbols.
        unknown_id: of all others.
        split: texts `[B]` to symbols `[B, (S)]`.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        ids: Sequence[int],
        unknown_id: int,
        split: Callable[[tf.Tensor], tf.RaggedTensor],
    ) -> None:
        entries = tf.lookup.KeyValueTensorInitializer(
            tf.constant(symbols, tf.string), tf.constant(ids, tf.int64)
        )
        self._table = tf.lookup.StaticHashTable(entries, unknown_id)
        self._split = split
        self.resources: list[Any] = [self._table]

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        symbols = self._split(texts)
        return tf.cast(symbols.with_flat_values(self._table.lookup(symbols.flat_values)), tf.int32)
