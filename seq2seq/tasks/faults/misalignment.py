"""Whether the lines of two sides are out of step, by what translation keeps: length, numbers, names, punctuation."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import numpy as np

MAX_SHIFT = 3
"""Lines that the sides may be out of step."""

MIN_PAIRS = 30
"""Fewer in a row may fit one another by chance."""

SURE = 5.5
"""Standard errors by which pairs must fit better when shifted: in files sorted by length, or of sides that have nothing
to do with one another, some stretch of so many pairs does by four."""


class Misaligned(NamedTuple):
    """A stretch of pairs out of step.

    Attributes:
      first, last: its rows, from 0, give or take a few.
      shift: the target of row i stands in row i + shift.
    """

    first: int
    last: int
    shift: int


_KEPT = re.compile(r"\d+|\b[^\W\d_a-z]\w+")
"""Numbers, and words that begin with a capital (or are of a script without small letters of Latin)."""

_NUMBERS, _NAMES = 2, 4
"""Columns that these are hashed into."""

TRAITS = 3 + _NUMBERS + _NAMES


def traits(text: str) -> list[int]:
    """What translation keeps of a line besides its length, ``[TRAITS]`` of 8 bits: question and exclamation mark at the
    end, commas, and numbers and names, each of which adds or takes one in a column that its hash tells."""
    last = text[-1:]
    columns = [last in "?？؟", last in "!！", min(text.count(","), 9), *[0] * (_NUMBERS + _NAMES)]
    for column, sign in map(_column, _KEPT.findall(text)):
        columns[column] += sign if abs(columns[column]) < 9 else 0
    return columns


@lru_cache(maxsize=2**14)
def _column(word: str) -> tuple[int, int]:
    """Where a number or name is counted, and with which sign."""
    code = crc32(word.encode("utf-8", "replace"))
    return 3 + (code % _NUMBERS if word.isdecimal() else _NUMBERS + code % _NAMES), 1 if code & 64 else -1


def misaligned(features: np.ndarray) -> Misaligned | None:
    """The stretch that fits better by most when shifted; None where none does.

    How well a source fits a target is the weighted sum of products of features, whose means over pairs in step are the
    features' correlations, and about 0 over others (Gale and Church 1993 align by length alone). A feature weighs as
    much as its correlation falls from one shift to another: lengths in a file sorted by length say nothing. Of the
    gains of a shift the stretch with the largest sum is taken (Kadane's algorithm).

    Args:
      features: ``[N, 2, F]`` of source and target.
    """
    if len(features) < MIN_PAIRS + 2 * MAX_SHIFT:
        return None
    deviations = features.std(axis=0)
    features = (features - features.mean(axis=0)) / np.where(deviations > 0.0, deviations, 1.0)
    features = np.clip(features, -3.0, 3.0)
    shifts = range(-MAX_SHIFT, MAX_SHIFT + 1)
    rows = np.arange(MAX_SHIFT, len(features) - MAX_SHIFT)
    fits = np.stack([features[rows, 0] * features[rows + shift, 1] for shift in shifts])  # [S, N, F]
    correlations = fits.mean(axis=1)
    weights = correlations.max(axis=0) - np.median(correlations, axis=0)
    fits = fits @ weights
    best: tuple[float, Misaligned] | None = None
    for shift, fit in zip(shifts, fits):
        gains = fit - fits[MAX_SHIFT]
        start, end = _largest_sum(gains)
        total = gains[start:end].sum()
        error = gains.std() * np.sqrt(end - start)
        if end - start >= MIN_PAIRS and total > SURE * error and (best is None or total > best[0]):
            first = 0 if start == 0 else int(rows[start])
            last = len(features) - 1 if end == len(rows) else int(rows[end - 1])
            best = total, Misaligned(first, last, shift)
    return best and best[1]


def _largest_sum(values: np.ndarray) -> tuple[int, int]:
    """Start and end of the stretch with the largest sum."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    lowest = np.minimum.accumulate(sums)
    end = int(np.argmax(sums - lowest))
    return int(np.argmin(sums[: end + 1])), end
