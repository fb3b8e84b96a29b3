"""CTC by enumeration of all paths, in double precision: what everything else is compared with."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

Text = tuple[int, ...]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = np.asarray(logits, np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def collapse(path: Sequence[int], blank_id: int) -> Text:
    """The text of a path: repeats merged, then blanks left out."""
    return tuple(label for label, _ in itertools.groupby(path) if label != blank_id)


def paths(log_probs: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
    """Every path through [T, V] and its log-probability."""
    frames, vocabulary_size = log_probs.shape
    return [
        (path, float(sum(log_probs[t, label] for t, label in enumerate(path))))
        for path in itertools.product(range(vocabulary_size), repeat=frames)
    ]


def text_log_probs(log_probs: np.ndarray, blank_id: int) -> dict[Text, float]:
    """The log-probability of every text that [T, V] can spell."""
    totals: dict[Text, float] = defaultdict(lambda: -np.inf)
    for path, log_prob in paths(log_probs):
        text = collapse(path, blank_id)
        totals[text] = np.logaddexp(totals[text], log_prob)
    return dict(totals)


def prefix_log_probs(log_probs: np.ndarray, blank_id: int) -> dict[Text, float]:
    """The log-probability of every prefix: of all texts that begin with it."""
    totals: dict[Text, float] = defaultdict(lambda: -np.inf)
    for text, log_prob in text_log_probs(log_probs, blank_id).items():
        for length in range(len(text) + 1):
            totals[text[:length]] = np.logaddexp(totals[text[:length]], log_prob)
    return dict(totals)
