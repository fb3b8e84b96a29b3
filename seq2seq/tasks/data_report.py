"""What `seq2seq check` says of the data of any task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from seq2seq.config.groups.data import DataConfig
from seq2seq.text.tokenizer import Tokenizer

MAX_UNKNOWN = 0.01
"""More unknown pieces than this part of a text are worth a note."""

MAX_LEFT_OUT = 0.05
"""More training examples than this part of them left out are worth a note."""

LIMITS = {
    "long_source": "max_source_length",
    "long_target": "max_target_length",
    "long_audio": "max_seconds",
    "long_text": "max_target_length",
}
"""Why a training example is left out, and by which key of data."""


def unknown_note(ids: np.ndarray, tokenizer: Tokenizer, what: str) -> Iterator[str]:
    """A text of which much is unknown, and what to do.

    Args:
        ids: of its tokens.
        tokenizer: that made them.
        what: the text is, in the possessive.
    """
    unknown = unknown_share(ids, tokenizer.unknown_id)
    if unknown > MAX_UNKNOWN:
        lacking = "they have characters that the training data lacks"
        if "byte_fallback" in tokenizer.takes:
            remedy = f"{lacking}, which data.tokenizer.byte_fallback=true spells in bytes"
        elif "character_coverage" in tokenizer.takes:
            remedy = lacking
        else:
            remedy = (
                "a larger data.tokenizer.vocabulary_size, or kind unigram or bpe, would read more of the text"
            )
        yield f"{unknown:.1%} of {what} tokens are unknown: {remedy}."


def unknown_share(ids: np.ndarray, unknown_id: int) -> float:
    """The part of the tokens that is unknown; 0 where there are none."""
    return float((np.asarray(ids) == unknown_id).mean()) if len(ids) else 0.0


class DataReport(NamedTuple):
    """What is said of a split: lines about it, and notes of what looks wrong."""

    lines: list[str]
    notes: list[str]


def left_out(counts: Mapping[str, int], data: DataConfig, split: str) -> str:
    """How many examples of a split are not used, by reason; empty where there are none."""
    reasons = {"broken": "broken"}
    if split == "train":
        reasons["empty"] = "empty"
        reasons.update({reason: f"longer than {_shown(data, key)}" for reason, key in LIMITS.items()})
    parts = [f"{counts[reason]:,} {text}" for reason, text in reasons.items() if counts.get(reason)]
    return f"; left out: {', '.join(parts)}" if parts else ""


def left_out_notes(counts: Mapping[str, int], read: int, data: DataConfig, split: str) -> Iterator[str]:
    """Limits that leave out much of the training data, each by its key and value; ``read``: examples in all."""
    for reason, key in LIMITS.items():
        share = counts.get(reason, 0) / max(read, 1)
        if split == "train" and share > MAX_LEFT_OUT:
            yield (
                f"{_shown(data, key)} leaves out {counts[reason]:,} of {read:,} training examples"
                f" ({share:.0%}), which are longer."
            )


def _shown(data: Any, key: str) -> str:
    return f"data.{key}={getattr(data, key, 0):g}"
