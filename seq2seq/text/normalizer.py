"""What happens to text before any tokenizer sees it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from seq2seq.errors import UserError

NORMALIZATIONS = ("none", "nfc", "nfkc")


@dataclass(frozen=True)
class Normalizer:
    """Unicode form, lower-casing, and every run of white space made one space (none at the ends).

    It is the only place where text is changed: SentencePiece models are trained with their own rules off.

    Args:
        normalization: `none`, `nfc` (one code point sequence for what looks the same) or `nfkc` (also for
            what differs in form only: full-width letters, ligatures, superscripts).
        lowercase: whether to lower-case.
    """

    normalization: str = "none"
    lowercase: bool = False

    def __post_init__(self) -> None:
        if self.normalization not in NORMALIZATIONS:
            valid = ", ".join(NORMALIZATIONS)
            raise UserError(f"normalization={self.normalization} is unknown; choose one of {valid}.")

    def __call__(self, text: str) -> str:
        text = self._unicode_form(text)
        if self.lowercase:
            text = self._unicode_form(text.lower())  # a lower-cased text need not be in its form any more
        return " ".join(text.split())

    def _unicode_form(self, text: str) -> str:
        if self.normalization == "none" or text.isascii():
            return text
        return unicodedata.normalize("NFC" if self.normalization == "nfc" else "NFKC", text)
