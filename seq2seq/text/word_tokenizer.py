"""Words between spaces."""

from __future__ import annotations

from collections.abc import Sequence

from seq2seq.text.symbol_tokenizer import SymbolTokenizer


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
