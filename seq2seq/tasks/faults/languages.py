"""Which of two languages a line is in, by the letters that follow one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BUCKETS = 2**16
"""Of hashed trigrams."""

MIN_LETTERS = 20
"""Shorter lines say too little."""

MIN_LINES = 50
"""Fewer of a language do not show what it is like."""

MIN_DISTANCE, MIN_SEPARATED = 1.0, 0.95
"""Nats that a trigram of the median line speaks for its language, and the share of the pairs with a line on either side
of the boundary, of two languages: German and English have 2.5 and 1.0, two ways to write one language less than half of
the first."""

CLEAR = 0.3
"""Of the distance from the boundary that lines of a language have at the median: what is nearer may be either."""


def trigrams(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashed trigrams of characters.

    Returns:
      The trigrams of all texts ``[n]``, and by text how many ``[N]``.
    """
    encoded = [
        np.frombuffer(f"  {text.lower()} ".encode("utf-32-le", "replace"), np.uint32) for text in texts
    ]
    sizes = np.array([len(each) for each in encoded], np.int64)
    codes = np.concatenate([*encoded, np.zeros(2, np.uint32)]).astype(np.uint64)
    mixed = codes[:-2] * np.uint64(2654435761) + codes[1:-1] * np.uint64(40503) + codes[2:]
    mixed = (mixed * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(48)
    last = np.cumsum(sizes) - 1
    inner = np.ones(len(mixed), bool)  # those that do not reach into the next text
    inner[last], inner[last - 1] = False, False
    return mixed[inner].astype(np.int64), sizes - 2


class Languages:
    """Tells the language of the sources from that of the targets.

    Args:
      sources, targets: lines of each, some of which may be in the other's.

    Attributes:
      distance: nats that a trigram of the median line speaks for its language.
      are_two: whether these are two languages; else nothing can be said of a line.
    """

    def __init__(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        sides = trigrams(sources), trigrams(targets)
        right = np.ones(len(sources), bool)
        for _ in range(2):  # again with each pair the way round that it was found to be
            counts = [_counts(*sides[n], right) + _counts(*sides[1 - n], ~right) for n in (0, 1)]
            logs = [np.log((each + 0.1) / (each.sum() + 0.1 * BUCKETS)) for each in counts]
            self._odds = logs[0] - logs[1]
            scores = [self._scores(*side) for side in sides]
            right = scores[0] >= scores[1]
        self.distance, self.are_two = 0.0, False
        if len(sources) < MIN_LINES:
            return
        between = (scores[0] > 0.0) != (scores[1] > 0.0)
        long = np.array([min(map(len, pair)) >= MIN_LETTERS for pair in zip(sources, targets)], bool)
        self.distance = float(np.median(np.abs(scores)))
        self.are_two = (
            self.distance > MIN_DISTANCE
            and np.count_nonzero(long) >= MIN_LINES
            and bool(between[long].mean() > MIN_SEPARATED)
        )

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """``[N]``: 1 like a source, -1 like a target, 0 where that is not clear."""
        scores = self._scores(*trigrams(texts))
        long = np.array([len(text) for text in texts]) >= MIN_LETTERS
        clear = long & (np.abs(scores) > CLEAR * self.distance)
        return np.where(clear, np.sign(scores), 0.0).astype(int)

    def _scores(self, grams: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """The mean log odds of a line's trigrams."""
        starts = np.cumsum(sizes) - sizes
        return np.add.reduceat(self._odds[grams], starts) / sizes if len(grams) else np.zeros(len(sizes))


def _counts(grams: np.ndarray, sizes: np.ndarray, lines: np.ndarray) -> np.ndarray:
    return np.bincount(grams[np.repeat(lines, sizes)], minlength=BUCKETS)
