"""Characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seq2seq.text.symbol_tokenizer import SymbolTokenizer

if TYPE_CHECKING:
    import tensorflow as tf


class CharacterTokenizer(SymbolTokenizer):
    """One id per code point, the space among them."""

    kind = "character"
    takes = frozenset({"character_coverage"})

    @classmethod
    def split(cls, text: str) -> Sequence[str]:
        return text

    @classmethod
    def join(cls, symbols: Sequence[str]) -> str:
        return "".join(symbols)

    @classmethod
    def split_in_graph(cls, texts: tf.Tensor) -> tf.RaggedTensor:
        import tensorflow as tf

        return tf.strings.unicode_split(texts, "UTF-8")
