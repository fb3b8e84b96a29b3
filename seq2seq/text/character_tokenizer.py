"""Characters."""

from __future__ import annotations

from collections.abc import Sequence

from seq2seq.text.symbol_tokenizer import SymbolTokenizer


class CharacterTokenizer(SymbolTokenizer):
    """One id per code point, the space among them."""

    kind = "character"

    @classmethod
    def split(cls, text: str) -> Sequence[str]:
        return text

    @classmethod
    def join(cls, symbols: Sequence[str]) -> str:
        return "".join(symbols)
