"""What stands in a SentencePiece model file."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

SPACE = "\u2581"
UNKNOWN_PENALTY = 10.0
"""By which a character without a piece scores less than the worst piece; as SentencePiece's."""
ROUNDS_FIRST = tuple(map(int, sentencepiece.__version__.split(".")[:3])) >= (0, 2, 2)
"""Whether the SentencePiece that is installed rounds sums of scores to float32 before it compares them."""


def defined_score(length: int) -> float:
    """Of a piece that was given to the trainer, of so many characters or, in the best segmentation, bytes: above most
    log-probabilities, so that it is taken; as that of the SentencePiece that is installed."""
    return 0.1 * (length - 1) if ROUNDS_FIRST else -0.1


_KINDS = sentencepiece_model_pb2.ModelProto.SentencePiece


class Piece(NamedTuple):
    id: int
    score: float


class SentencePieceModel:
    """The parts of a model that segmentation depends on.

    Args:
        model: the bytes of a file that SentencePiece reads.

    Attributes:
        kind: `unigram`, `bpe`, `word` or `char`.
        pieces: that text may be cut into; of unigram models without those that are marked unused.
        defined: pieces that are cut out first and never merged.
        byte_ids: of all 256 bytes, where what has no piece is spelled in these; else empty.
    """

    def __init__(self, model: bytes) -> None:
        proto = sentencepiece_model_pb2.ModelProto.FromString(model)
        trainer = proto.trainer_spec
        self.kind: str = trainer.ModelType.Name(trainer.model_type).lower()
        normal = [piece.score for piece in proto.pieces if piece.type == _KINDS.NORMAL] or [0.0]
        self.unknown_score = min(normal) - UNKNOWN_PENALTY
        self.defined = frozenset(piece.piece for piece in proto.pieces if piece.type == _KINDS.USER_DEFINED)
        self.unused = frozenset(piece.piece for piece in proto.pieces if piece.type == _KINDS.UNUSED)
        taken = {_KINDS.NORMAL, _KINDS.USER_DEFINED} | ({_KINDS.UNUSED} if self.kind != "unigram" else set())
        self.pieces = {
            p.piece: Piece(n, defined_score(len(p.piece)) if p.type == _KINDS.USER_DEFINED else p.score)
            for n, p in enumerate(proto.pieces)
            if p.type in taken
        }
        self.unknown_id = next(n for n, p in enumerate(proto.pieces) if p.type == _KINDS.UNKNOWN)
        of_bytes = {p.piece: n for n, p in enumerate(proto.pieces) if p.type == _KINDS.BYTE}
        self.byte_ids = [of_bytes[f"<0x{byte:02X}>"] for byte in range(256)] if trainer.byte_fallback else []
        self.size = len(proto.pieces)
        self.space_behind: bool = trainer.treat_whitespace_as_suffix
        self.normalization = proto.normalizer_spec

    @property
    def crosses_words(self) -> bool:
        """Whether a piece may begin in one word and end in another."""
        return any(SPACE in piece[1:] for piece in self.pieces)

    @cached_property
    def rewrites(self) -> dict[str, str]:
        """What the model's own normalisation makes of each text that it changes.

        Its file has a trie over bytes, a double array (Aoe 1989) as Darts-clone lays it out, and texts that end with a
        zero byte.
        """
        content = self.normalization.precompiled_charsmap
        if not content:
            return {}
        size = int(np.frombuffer(content, "<u4", 1)[0])
        units = np.frombuffer(content, "<u4", size // 4, offset=4)
        texts = content[4 + size :]
        found: dict[str, str] = {}
        labels = np.arange(1, 256)
        read, bases = [b""], _offsets(units[:1])
        while read:  # all nodes of a depth at a time
            places = bases[:, np.newaxis] ^ labels
            follows = units[np.minimum(places, len(units) - 1)] & 0x800000FF == labels
            nodes, which = np.nonzero(follows & (places < len(units)))
            places = places[nodes, which]
            read = [read[node] + bytes([label]) for node, label in zip(nodes, labels[which])]
            bases = places ^ _offsets(units[places])
            for n in np.flatnonzero(units[places] >> 8 & 1):
                start = int(units[bases[n]]) & 0x7FFFFFFF
                found[read[n].decode()] = texts[start : texts.index(b"\0", start)].decode()
        return found


def _offsets(units: np.ndarray) -> np.ndarray:
    return (units.astype(np.int64) >> 10) << ((units & 0x200) >> 6)
