"""Words between spaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seq2seq.text.symbol_tokenizer import SymbolTokenizer

if TYPE_CHECKING:
    import tensorflow as tf


class WordTokenizer(SymbolTokenizer):
    """One id per word, words being what stands between white space; rarer words than fit are unknown.

    Text should come tokenised (punctuation apart); decoded text is words with one space between.
    """

    kind = "word"

    @classmethod
    def split(cls, text: str) -> Sequence[str]:
        return text.split()

    @classmethod
    def join(cls, symbols: Sequence[str]) -> str:
        return " ".join(symbols)

    @classmethod
    def split_in_graph(cls, texts: tf.Tensor) -> tf.RaggedTensor:
        import tensorflow as tf

        return tf.strings.split(texts)
