"""Which pieces two tokenizers have in common."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seq2seq.text.tokenizer import Tokenizer

_SPECIAL = ("pad_id", "unknown_id", "start_id", "end_id")


class CommonPieces(NamedTuple):
    """Ids of the same pieces, ``[N]`` each.

    Attributes:
        here: of the one tokenizer, rising.
        there: of the other.
        size: how many pieces the first one has.
    """

    here: np.ndarray
    there: np.ndarray
    size: int

    def __str__(self) -> str:
        if len(self.here) == self.size:
            return "all pieces"
        return f"{len(self.here):,} of {self.size:,} pieces"


def common_pieces(here: Tokenizer, there: Tokenizer) -> CommonPieces:
    """Pieces of the same spelling, and special ones of the same meaning, however they are spelt."""
    others = _by_piece(there)
    pairs = sorted((i, others[piece]) for piece, i in _by_piece(here).items() if piece in others)
    ids = np.array(pairs, np.int64).reshape(-1, 2)
    return CommonPieces(ids[:, 0], ids[:, 1], here.vocabulary_size)


def _by_piece(tokenizer: Tokenizer) -> dict[tuple[str, str], int]:
    special = {getattr(tokenizer, name): name for name in _SPECIAL}
    ids = range(tokenizer.vocabulary_size)
    found: dict[tuple[str, str], int] = {}
    for i, piece in zip(ids, tokenizer.pieces(ids)):
        found.setdefault(("special", special[i]) if i in special else ("piece", piece), i)
    return found
