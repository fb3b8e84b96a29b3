"""How text is written: capitals, tokens, punctuation; where splits or sides differ in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from seq2seq.tasks.faults.finding import Finding
from seq2seq.tasks.faults.lines import Lines

MIN_JUDGED = 20
"""Lines that show a habit one way or the other; of fewer nothing is said."""

RARE, COMMON = 0.05, 0.5
"""Shares of lines: a habit of one split that is rare in one and common in the other is no accident."""

_SPACED = re.compile(r"\w [,.](?: |$)")
_ATTACHED = re.compile(r"\w[,.](?:\s|$)")


class Habit(NamedTuple):
    """A way to write.

    Attributes:
      shows: whether a line has it; None where the line does not tell.
      what: `data.train's source {what} in 98% of the lines`.
      remedy: what to do where splits differ.
    """

    shows: Callable[[str], bool | None]
    what: str
    remedy: str


def has_capitals(text: str) -> bool | None:
    return None if text.lower() == text.upper() else text != text.lower()


def is_all_capitals(text: str) -> bool | None:
    words = [word for word in text.split() if word.lower() != word.upper() and len(word) > 1]
    return text == text.upper() if len(words) > 1 else None


def is_tokenised(text: str) -> bool | None:
    """Whether commas and full stops stand by themselves."""
    spaced, attached = _SPACED.search(text) is not None, _ATTACHED.search(text) is not None
    return spaced if spaced != attached else None


def ends_with_punctuation(text: str) -> bool | None:
    text = text.rstrip("\"'”») ")
    return text[-1] in ".?!。？！।؟" if text else None


CAPITALS = Habit(has_capitals, "has capitals", "write all splits alike (data.tokenizer.lowercase=true lower-cases all)")
ALL_CAPITALS = Habit(is_all_capitals, "is all capitals", "write all splits alike")
TOKENISED = Habit(
    is_tokenised, "is tokenised (“word , word .”)", "tokenise all of it or none: the tokenizer here takes raw text"
)
PUNCTUATION = Habit(ends_with_punctuation, "ends with punctuation", "write all splits alike")

HABITS = (CAPITALS, ALL_CAPITALS, TOKENISED, PUNCTUATION)


class Share(NamedTuple):
    """How common a habit is; `rows`: an example with it and one without."""

    share: float
    rows: tuple[int | None, int | None]


def share_of_habit(habit: Habit, lines: Lines) -> Share | None:
    """None where too few lines tell."""
    with_it = without = 0
    rows: list[int | None] = [None, None]
    for row, text in zip(lines.rows, lines.texts):
        shows = habit.shows(text)
        if shows is None:
            continue
        with_it, without = with_it + shows, without + (not shows)
        if rows[not shows] is None:
            rows[not shows] = row
    judged = with_it + without
    return Share(with_it / judged, (rows[0], rows[1])) if judged >= MIN_JUDGED else None
