"""How text is written: case, tokens, punctuation; where splits, sides or lines differ in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from seq2seq.tasks.faults.finding import Finding
from seq2seq.tasks.faults.lines import Lines

MIN_JUDGED = 20
"""Lines that show how a side is written; of fewer nothing is said."""

RARE, COMMON = 0.05, 0.5
"""Shares of lines: what is rare in one split and common in another is no accident."""

MIXED = 0.1
"""Of the lines of one side, written otherwise than most."""

_SPACED = re.compile(r"\w [,.](?: |$)")
_ATTACHED = re.compile(r"\w[,.](?:\s|$)")


def case_of(text: str) -> str | None:
    """Lower case, capitals or both; None where there is no case, and of a single word in capitals: it may be a name."""
    lower, upper = text.lower(), text.upper()
    if lower == upper:
        return None
    if text == lower:
        return "in lower case"
    if text == upper:
        return "in capitals" if " " in text.strip() else None
    return "in upper and lower case"


def tokenisation_of(text: str) -> str | None:
    """Whether commas and full stops stand by themselves; None where there are none, or both."""
    spaced, attached = _SPACED.search(text) is not None, _ATTACHED.search(text) is not None
    return None if spaced == attached else "tokenised (“word , word .”)" if spaced else "not tokenised"


def ending_of(text: str) -> str | None:
    """Whether it ends with punctuation."""
    text = text.rstrip("\"'”») ")
    return (
        None
        if not text
        else "with punctuation at the end"
        if text[-1] in ".?!…。？！।؟"
        else "without punctuation"
    )


class Habit(NamedTuple):
    """A choice in how text is written.

    Attributes:
      way: what a line shows of it, as `… of the lines are {way}`; None where that is nothing.
      remedy: what to do where lines differ.
    """

    way: Callable[[str], str | None]
    remedy: str


CASE = Habit(case_of, "write all alike (data.tokenizer.lowercase=true lower-cases all that is read)")
TOKENS = Habit(tokenisation_of, "tokenise all or, since the tokenizer takes raw text, none")
ENDINGS = Habit(ending_of, "write all alike")


class Ways(NamedTuple):
    """How the lines of a side are written: by way, the share of the lines that show one, and the first such row."""

    shares: dict[str, float]
    examples: dict[str, int]

    def share(self, way: str) -> float:
        return self.shares.get(way, 0.0)


def ways_of(habit: Habit, lines: Lines) -> Ways:
    """No ways where too few lines show any."""
    counts: dict[str, int] = {}
    examples: dict[str, int] = {}
    for row, text in zip(lines.rows, lines.texts):
        way = habit.way(text)
        if way is not None:
            counts[way] = counts.get(way, 0) + 1
            examples.setdefault(way, row)
    judged = sum(counts.values())
    return Ways(
        {way: count / judged for way, count in counts.items()} if judged >= MIN_JUDGED else {}, examples
    )


def differing(one: Ways, other: Ways) -> str | None:
    """The way that is common in the first and rare in the second; None where there is none, or too little of either."""
    if not (one.shares and other.shares):
        return None
    return next(
        (way for way, share in one.shares.items() if share > COMMON and other.share(way) < RARE), None
    )


def split_findings(habit: Habit, splits: Mapping[str, Lines], side: str, name: str) -> Iterator[Finding]:
    """Splits that are written otherwise than the first.

    Args:
      habit: what is compared.
      splits: by name, train the first.
      side: what of them these are; `name`: the same as it is called.
    """
    ways = {split: ways_of(habit, lines) for split, lines in splits.items()}
    train = next(iter(ways))
    for split, own in ways.items():
        way = differing(own, ways[train])
        if way is not None:
            what = (
                f"{own.share(way):.0%} of the lines of data.{split}'s {name} are {way}, and"
                f" {ways[train].share(way):.0%} of data.{train}'s"
            )
            yield Finding(split, what, habit.remedy, own.examples[way], side)


def side_findings(habit: Habit, split: str, sides: Mapping[str, Lines]) -> Iterator[Finding]:
    """A side of a split that is written otherwise than the other."""
    ways = {side: ways_of(habit, lines) for side, lines in sides.items()}
    for side, other in zip(ways, reversed(ways)):
        way = differing(ways[side], ways[other])
        if way is not None:
            what = (
                f"{ways[side].share(way):.0%} of the lines of data.{split}'s {side} are {way}, and"
                f" {ways[other].share(way):.0%} of its {other}"
            )
            yield Finding(split, what, habit.remedy, ways[side].examples[way], side)
            return


def mixed_findings(habit: Habit, split: str, lines: Lines, side: str, name: str) -> Iterator[Finding]:
    """Lines of one side that are written otherwise than most."""
    ways = ways_of(habit, lines)
    most = max(ways.shares, key=ways.share, default="")
    for way, share in ways.shares.items():
        if way != most and share > MIXED:
            what = f"{share:.0%} of the lines of data.{split}'s {name} are {way}, and {ways.share(most):.0%} {most}"
            yield Finding(split, what, habit.remedy, ways.examples[way], side)
            return
