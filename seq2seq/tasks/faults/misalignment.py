"""Whether the lines of two sides are out of step, by what translation keeps: length, and the digits of a line."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MAX_SHIFT = 3
"""Lines that the sides may be out of step."""

MIN_PAIRS = 50
"""Fewer in a row may fit one another by chance."""

SURE = 6.0
"""Standard errors by which pairs must fit better when shifted: of a corpus whose neighbouring lines are alike some
stretch fits better by two or three."""


class Misaligned(NamedTuple):
    """A stretch of pairs out of step.

    Attributes:
      first, last: its rows, from 0.
      shift: the target of row i stands in row i + shift.
    """

    first: int
    last: int
    shift: int


def misaligned(lengths: np.ndarray, marks: np.ndarray) -> Misaligned | None:
    """The stretch that fits better by most when shifted; None where none does.

    How well a source fits a target is the sum of products of standardised features, whose mean over pairs in step is the
    sum of their correlations, and about 0 over others (Gale and Church 1993 align by length alone). Of the gains of a
    shift the stretch with the largest sum is taken (Kadane's algorithm).

    Args:
      lengths: ``[N, 2]`` characters of source and target.
      marks: ``[N, 2]`` hashes of what both keep; 0 where there is nothing.
    """
    features = _features(lengths, marks)  # [N, 2, F]
    best: tuple[float, Misaligned] | None = None
    for shift in (s for s in range(-MAX_SHIFT, MAX_SHIFT + 1) if s != 0 and abs(s) < len(features) // 2):
        rows = np.arange(max(0, -shift), len(features) - max(0, shift))
        source, target = features[rows, 0], features[rows, 1]
        gains = (source * (features[rows + shift, 1] - target)).sum(axis=1)
        start, end = _largest_sum(gains)
        total = gains[start:end].sum()
        error = gains.std() * np.sqrt(end - start)
        if end - start >= MIN_PAIRS and total > SURE * error and (best is None or total > best[0]):
            best = total, Misaligned(int(rows[start]), int(rows[end - 1]), shift)
    return best and best[1]


def _features(lengths: np.ndarray, marks: np.ndarray) -> np.ndarray:
    logs = np.log1p(lengths)
    deviations = logs.std(axis=0)
    length = np.clip((logs - logs.mean(axis=0)) / np.where(deviations > 0.0, deviations, 1.0), -3.0, 3.0)
    signs = np.where(marks == 0, 0.0, np.where((marks >> 7) & 1, 1.0, -1.0))  # equal marks agree, others half the time
    return np.stack([length, signs], axis=-1)


def _largest_sum(values: np.ndarray) -> tuple[int, int]:
    """Start and end of the stretch with the largest sum."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    lowest = np.minimum.accumulate(sums)
    end = int(np.argmax(sums - lowest))
    return int(np.argmin(sums[: end + 1])), end
