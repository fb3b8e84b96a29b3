"""Faults of pairs of lines: what is gathered of a split, and a table of functions that look at it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import numpy as np

from seq2seq.tasks.faults.finding import Finding, exceeds, share_of
from seq2seq.tasks.faults.languages import Languages
from seq2seq.tasks.faults.lines import Lines
from seq2seq.tasks.faults.misalignment import TRAITS, Misaligned, misaligned, traits
from seq2seq.tasks.faults.scripts import script_findings
from seq2seq.tasks.faults.style import CASE, ENDINGS, TOKENS, side_findings, split_findings

SIDES = ("source", "target")

LONG = 20
"""Characters: shorter lines ("No.", "Thank you.") are said more than once, and have any length in translation."""

PAIRS_AT_ONCE = 50_000

MAX_DUPLICATES = 0.05
"""Of the pairs of a split."""

MAX_SEEN, MAX_SHORT_SEEN = 0.005, 0.05
"""Of the held-out pairs, in training, too: of long ones, and of all."""

MAX_OUTLIERS = 0.005
"""Of the pairs, whose lengths do not fit."""

OUTLIER = 3.0
"""Times the usual ratio of lengths, or its inverse, and so many of its robust standard deviations, too."""

MAX_MISPLACED = 0.005
"""Of the pairs, in the wrong language."""

MAX_SAME = 0.95
"""Of the pairs, with the same line on both sides, where these are no two languages: normalising text leaves much of it
as it is."""


class Pairs:
    """What is known of the pairs of a split: some numbers of each, in 40 bytes, and the text of a sample.

    Attributes:
      source, target: the lines of each side.
      same: the rows that have the same line on both sides.
      hashes: ``[N, 2]`` of each pair and of its source; 0 of a source that is not long.
      lengths: ``[N, 2]`` characters.
      traits: ``[N, 2, TRAITS]`` what else translation keeps; see `traits`.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.source, self.target = Lines(), Lines()
        self.same: list[int] = []
        hashes, lengths, kept = array("q"), array("i"), array("b")
        for source, target in pairs:
            self.source.add(source)
            self.target.add(target)
            hashes.extend((hash((source, target)), hash(source)))
            lengths.extend((len(source), len(target)))
            kept.extend(traits(source) + traits(target))
            if source == target and source.strip():
                self.same.append(self.source.count - 1)
        self.hashes = np.array(hashes).reshape(-1, 2)
        self.lengths = np.array(lengths).reshape(-1, 2)
        self.traits = np.array(kept).reshape(-1, 2, TRAITS)

    def __len__(self) -> int:
        return self.source.count

    @cached_property
    def misaligned(self) -> Misaligned | None:
        """The first stretch out of step, looked for in so many pairs at a time that memory stays small."""
        found: Misaligned | None = None
        for start in range(0, len(self), PAIRS_AT_ONCE):
            rows = slice(start, start + PAIRS_AT_ONCE)
            lengths = np.log1p(self.lengths[rows])[..., np.newaxis]
            stretch = misaligned(np.concatenate([lengths, self.traits[rows]], axis=-1))
            if stretch is None:
                if found is not None:
                    break
            elif found is None:
                found = Misaligned(start + stretch.first, start + stretch.last, stretch.shift)
            else:
                found = found._replace(last=start + stretch.last)
        return found

    @property
    def long(self) -> np.ndarray:
        """``[N]`` which have a source that is no everyday phrase."""
        return self.lengths[:, 0] >= LONG

    def lines(self) -> Iterator[tuple[str, Lines]]:
        yield from zip(SIDES, (self.source, self.target))


Splits = Mapping[str, Pairs]
"""By name, train the first."""


def _findings_of_lines(splits: Splits) -> Iterator[Finding]:
    for split, pairs in splits.items():
        for side, lines in pairs.lines():
            yield from lines.findings(split, side, f"data.{split}'s {side}")


HEADER = re.compile(
    "source|target|src|trg|tgt|input|output|text|translation|original|translated|sentence[ _]?[12]?"
    "|english|german|french|spanish|italian|portuguese|dutch|russian|chinese|japanese|en|de|fr|es|it|pt|nl|ru|zh|ja",
    re.I,
)
"""What columns are called."""


def _headers(splits: Splits) -> Iterator[Finding]:
    for split, pairs in splits.items():
        first = [text.strip() for _, lines in pairs.lines() for text in lines.texts[:1]]
        if len(set(first)) == 2 and all(map(HEADER.fullmatch, first)):
            fact = f"the first pair of data.{split} looks like the header of a table"
            remedy = (
                "give data.source_column and data.target_column as names, or remove the line, which is learnt or"
                " measured as a pair"
            )
            yield Finding(split, fact, remedy, 0)


def _styles(splits: Splits) -> Iterator[Finding]:
    for side in SIDES:
        lines = {split: getattr(pairs, side) for split, pairs in splits.items()}
        for habit in (CASE, TOKENS, ENDINGS):
            yield from split_findings(habit, lines, side, side)
    split, pairs = next(iter(splits.items()))
    yield from side_findings(TOKENS, split, dict(pairs.lines()))


def _scripts(splits: Splits) -> Iterator[Finding]:
    for side in SIDES:
        yield from script_findings({split: getattr(pairs, side) for split, pairs in splits.items()}, side)


def _duplicates(splits: Splits) -> Iterator[Finding]:
    for split, pairs in splits.items():
        again = _repeated(pairs.hashes[:, 0])
        if exceeds(len(again), len(pairs), MAX_DUPLICATES):
            what = share_of(len(again), len(pairs), f"pairs of data.{split}", "are there before")
            yield Finding(split, what, "remove what is there twice", again[0])


def _repeated(hashes: np.ndarray) -> np.ndarray:
    """The rows whose hash an earlier row has."""
    _, first = np.unique(hashes, return_index=True)
    return np.setdiff1d(np.arange(len(hashes)), first, assume_unique=True)


def _seen_in_training(splits: Splits) -> Iterator[Finding]:
    train = splits.get("train")
    for split, pairs in splits.items():
        if train is None or split == "train":
            continue
        whole, source = (np.isin(pairs.hashes[:, n], train.hashes[:, n]) for n in (0, 1))
        remedy = "remove them from data.train, or what is measured is what was learnt by heart"
        for seen, what in (
            (whole, "are in data.train as well"),
            (source & ~whole, "have a source of data.train's"),
        ):
            rows = np.flatnonzero(seen)
            is_much = exceeds(np.count_nonzero(seen & pairs.long), np.count_nonzero(pairs.long), MAX_SEEN)
            if is_much or exceeds(len(rows), len(pairs), MAX_SHORT_SEEN):
                example = int(np.flatnonzero(seen & pairs.long)[0]) if is_much else int(rows[0])
                yield Finding(
                    split, share_of(len(rows), len(pairs), f"pairs of data.{split}", what), remedy, example
                )


def _outliers(splits: Splits) -> Iterator[Finding]:
    for split, pairs in splits.items():
        rows = length_outliers(pairs.lengths)
        if pairs.misaligned is None and exceeds(len(rows), len(pairs), MAX_OUTLIERS):
            what = f"have a side more than {OUTLIER:g} times as long as the other suggests"
            fact = share_of(len(rows), len(pairs), f"pairs of data.{split}", what)
            yield Finding(
                split, fact, "look whether they are translations, and remove those that are not", rows[0]
            )


def length_outliers(lengths: np.ndarray) -> np.ndarray:
    """Rows whose ratio of lengths is far from the usual.

    Args:
      lengths: ``[N, 2]`` of both sides; rows with an empty one are passed over.
    """
    filled = (lengths > 0).all(axis=1)
    logs = np.log(np.maximum(lengths, 1))
    ratios = logs[:, 1] - logs[:, 0]
    judged = filled & (lengths.max(axis=1) >= 2 * LONG)
    if not judged.any():
        return np.zeros(0, int)
    distance = np.abs(ratios - np.median(ratios[judged]))
    deviation = 1.4826 * np.median(distance[judged])
    return np.flatnonzero(judged & (distance > max(np.log(OUTLIER), OUTLIER * deviation)))


def _misplaced(splits: Splits) -> Iterator[Finding]:
    """Sides that are swapped, and lines that were not translated, by the language of each."""
    languages = next(filter(lambda each: each.are_two, map(_languages, splits.values())), None)
    for split, pairs in splits.items():
        if languages is None:
            if exceeds(len(pairs.same), len(pairs), MAX_SAME):
                fact = share_of(
                    len(pairs.same), len(pairs), f"pairs of data.{split}", "have the source as target"
                )
                yield Finding(split, fact, "look whether this is the right file", pairs.same[0])
            continue
        rows = np.array(pairs.source.rows)
        source, target = languages(pairs.source.texts), languages(pairs.target.texts)
        for mask, (what, remedy, side) in (
            ((source < 0) & (target > 0), SWAPPED),
            ((source > 0) & (target > 0), UNTRANSLATED),
            ((source < 0) & (target < 0), UNTRANSLATED_SOURCE),
        ):
            if exceeds(np.count_nonzero(mask), len(rows), MAX_MISPLACED):
                unit = f"pairs{' that were looked at' if pairs.source.is_sample else ''} of data.{split}"
                fact = share_of(np.count_nonzero(mask), len(rows), unit, what)
                yield Finding(split, fact, remedy, int(rows[mask][0]), side)


SWAPPED = ("have source and target swapped", "swap them back", "source")
UNTRANSLATED = ("have a target in the language of the source", "translate or remove them", "target")
UNTRANSLATED_SOURCE = ("have a source in the language of the target", "translate or remove them", "source")


def _languages(pairs: Pairs) -> Languages:
    """Those of a split, by the lines that differ."""
    both = [pair for pair in zip(pairs.source.texts, pairs.target.texts) if pair[0] != pair[1]]
    return Languages([source for source, _ in both], [target for _, target in both])


def _misaligned(splits: Splits) -> Iterator[Finding]:
    for split, pairs in splits.items():
        if pairs.misaligned is None:
            continue
        first, last, shift = pairs.misaligned
        lines = f"{abs(shift)} line{'s' if abs(shift) > 1 else ''} {'later' if shift > 0 else 'earlier'}"
        what = f"are out of step (the target of a source stands {lines})"
        fact = f"about pairs {first + 1:,} to {last + 1:,} of data.{split} {what}"
        yield Finding(split, fact, "find the line that is missing or too much on one side before that", first)


PAIR_FAULTS = (
    _headers,
    _findings_of_lines,
    _misaligned,
    _misplaced,
    _scripts,
    _styles,
    _outliers,
    _duplicates,
    _seen_in_training,
)
"""Each looks at all splits."""
