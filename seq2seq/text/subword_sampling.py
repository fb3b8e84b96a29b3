"""Draws of segmentations, as SentencePiece makes them, from a generator of our own.

SentencePiece's own draws depend on the process from version 0.2.2 on, and a run that goes on would not draw the same.
"""

from __future__ import annotations

import heapq
import math
import random
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain, count, repeat

import sentencepiece

from seq2seq.text.sentencepiece_model import SPACE, Piece, SentencePieceModel

WORDS_KEPT = 50_000

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class SubwordSampler:
    """Segmentations of a unigram model, in proportion to ``p(segmentation)^alpha`` (Kudo 2018, arXiv:1804.10959), or of
    BPE whose merges are each left out with probability ``alpha`` (Provilkov et al. 2020, arXiv:1910.13267).

    Args:
        processor: of the model.
        model: the bytes of its file.
    """

    def __init__(self, processor: sentencepiece.SentencePieceProcessor, model: bytes) -> None:
        self._processor = processor
        parts = SentencePieceModel(model)
        self._is_bpe = parts.kind == "bpe"
        self._byte_ids = parts.byte_ids
        self._unknown_id, self._unknown_score = parts.unknown_id, parts.unknown_score
        self._defined = parts.defined
        self._pieces = parts.pieces
        self._longest = max(map(len, self._pieces), default=1)
        symbols = "|".join(map(re.escape, sorted(parts.defined, key=len, reverse=True)))
        self._symbols = re.compile(f"{symbols}|." if symbols else ".", re.DOTALL)
        self._words = re.compile(".+" if parts.crosses_words else f"{SPACE}?[^{SPACE}]+|{SPACE}", re.DOTALL)
        self._lattice = lru_cache(WORDS_KEPT)(self._lattice_of)
        self._undisturbed = lru_cache(WORDS_KEPT)(self._undisturbed_of)

    def __call__(self, text: str, generator: random.Random, *, alpha: float, nbest: int) -> list[int]:
        """The ids of a text.

        Args:
            generator: what the draw depends on alone.
            alpha: see above.
            nbest: of a unigram model, draws from so many best segmentations; -1: from all.
        """
        if not self._is_bpe and nbest > 0:
            return self._of_best(text, generator, alpha, nbest)
        found: list[tuple[str, int]] = []
        for word in self._words.findall(self._processor.normalize(text)):
            found += (
                self._merged(word, generator, alpha) if self._is_bpe else self._drawn(word, generator, alpha)
            )
        return self._ids(found)

    def _of_best(self, text: str, generator: random.Random, alpha: float, nbest: int) -> list[int]:
        found = self._processor.nbest_encode(text, nbest_size=nbest, out_type=str)
        if not found:
            return []
        scores = [sum(map(self._score, pieces)) for pieces in found]
        best = max(scores)
        (pieces,) = generator.choices(found, [math.exp(alpha * (score - best)) for score in scores])
        return [self._processor.piece_to_id(piece) for piece in pieces]

    def _score(self, piece: str) -> float:
        """The log-probability; of unknown characters, which stand in one piece or are spelled in bytes, each counts."""
        if piece in self._pieces:
            return self._pieces[piece].score
        if self._byte_ids and (byte := _BYTE.fullmatch(piece)):
            return self._unknown_score if int(byte[1], 16) & 0xC0 != 0x80 else 0.0
        return len(piece) * self._unknown_score

    def _ids(self, pieces: Sequence[tuple[str, int]]) -> list[int]:
        """With characters in bytes where the model has these; a run of unknown ones is one, as SentencePiece has it."""
        unknown = self._unknown_id
        ids: list[int] = []
        follows = False
        for piece, n in pieces:
            if n != unknown:
                ids.append(n)
            elif self._byte_ids:
                ids += [self._byte_ids[byte] for byte in piece.encode()]
            elif not follows:
                ids.append(n)
            follows = n == unknown
        return ids

    # --- BPE ---

    def _merged(self, word: str, generator: random.Random, dropout: float) -> list[tuple[str, int]]:
        merges, whole = self._undisturbed(word)
        if dropout <= 0:
            return whole
        # How many merges come before the first that is left out; in most words all of them do.
        kept = 0 if dropout >= 1 else int(math.log(1.0 - generator.random()) / math.log(1.0 - dropout))
        if kept >= merges:
            return whole
        later = (generator.random() < dropout for _ in repeat(None))
        return self._merge(word, chain(repeat(False, kept), [True], later).__next__)

    def _undisturbed_of(self, word: str) -> tuple[int, list[tuple[str, int]]]:
        """How many merges make the pieces of a word, and these."""
        merges = count()
        pieces = self._merge(word, lambda: next(merges) < 0)
        return next(merges), pieces

    def _merge(self, word: str, leave_out: Callable[[], bool]) -> list[tuple[str, int]]:
        """Merges the best pair first, and of equal ones the first, but for those that are left out."""
        symbols = self._symbols.findall(word)
        frozen = [symbol in self._defined for symbol in symbols]
        before = list(range(-1, len(symbols) - 1))
        after = [*range(1, len(symbols)), -1]
        agenda: list[tuple[float, int, int, int]] = []

        def propose(left: int, right: int) -> None:
            if left < 0 or right < 0 or frozen[left] or frozen[right]:
                return
            joined = symbols[left] + symbols[right]
            piece = self._pieces.get(joined)
            if piece is not None:
                heapq.heappush(agenda, (-piece.score, left, right, len(joined)))

        for left in range(len(symbols) - 1):
            propose(left, left + 1)
        while agenda:
            _, left, right, length = heapq.heappop(agenda)
            if not symbols[left] or not symbols[right] or len(symbols[left]) + len(symbols[right]) != length:
                continue  # one of them has been merged since
            if leave_out():
                continue
            symbols[left] += symbols[right]
            symbols[right] = ""
            after[left] = after[right]
            if after[right] >= 0:
                before[after[right]] = left
            propose(before[left], left)
            propose(left, after[left])
        unknown = Piece(self._unknown_id, 0.0)
        return [(symbol, self._pieces.get(symbol, unknown).id) for symbol in symbols if symbol]

    # --- unigram ---

    def _lattice_of(self, word: str, alpha: float) -> Sequence[Sequence[tuple[int, int, float]]]:
        """By the position where they end: where pieces begin, their ids, and the share of each in all ways that end so
        (forward filtering)."""
        totals = [0.0]
        edges: list[list[tuple[int, int, float]]] = [[]]
        unknown = Piece(self._unknown_id, self._unknown_score)
        for end in range(1, len(word) + 1):
            here = []
            for begin in range(max(end - self._longest, 0), end):
                piece = self._pieces.get(word[begin:end], unknown if begin == end - 1 else None)
                if piece is not None:
                    here.append((begin, piece.id, totals[begin] + alpha * piece.score))
            most = max(weight for _, _, weight in here)
            totals.append(most + math.log(sum(math.exp(weight - most) for _, _, weight in here)))
            edges.append([(begin, n, math.exp(weight - totals[end])) for begin, n, weight in here])
        return edges

    def _drawn(self, word: str, generator: random.Random, alpha: float) -> list[tuple[str, int]]:
        """Backwards, each piece in proportion to all ways that lead there."""
        edges, end = self._lattice(word, alpha), len(word)
        found = []
        while end:
            begins, ids, probabilities = zip(*edges[end])
            (k,) = generator.choices(range(len(ids)), probabilities)
            found.append((word[begins[k] : end], ids[k]))
            end = begins[k]
        return found[::-1]
