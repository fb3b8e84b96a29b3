"""Letters of scripts that do not belong to a side."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np

from seq2seq.tasks.faults.finding import Finding, exceeds, share_of
from seq2seq.tasks.faults.lines import Lines

MIN_SCRIPT = 0.05
"""Of the letters of a side: a script with fewer is none of its own."""

MAX_FOREIGN = 0.005
"""Of the lines of a side, written in other scripts for the most part."""

MAX_MIXED = 0.002
"""Of the lines, with words that mix scripts whose letters look alike."""

_EQUAL = {
    "IDEOGRAPHIC": "CJK",
    "HIRAGANA": "CJK",
    "KATAKANA": "CJK",
    "FULLWIDTH": "LATIN",
    "HALFWIDTH": "CJK",
}
_ALIKE = ("[A-Za-z\u00c0-\u024f]", "[\u0400-\u04ff]", "[\u0370-\u03ff]")
"""Latin, Cyrillic and Greek."""

_MIXED = re.compile("|".join(f"{one}{other}" for one in _ALIKE for other in _ALIKE if one != other))


@lru_cache(maxsize=2**16)
def script(character: str) -> str:
    """The first word of a letter's Unicode name (LATIN, CYRILLIC, CJK), those of Japanese as one; empty for others."""
    if not character.isalpha():
        return ""
    name = unicodedata.name(character, "").split(" ")[0].split("-")[0]
    return _EQUAL.get(name, name)


def _counts(text: str) -> Counter[str]:
    counts = Counter(map(script, text))
    del counts[""]
    return counts


def script_findings(splits: Mapping[str, Lines], side: str) -> Iterator[Finding]:
    """Lines in scripts that the first split does not use, and words that mix scripts which look alike.

    Args:
      splits: by name, train the first.
      side: what of them these are.
    """
    own: set[str] = set()
    for split, lines in splits.items():
        counts = [_counts(text) for text in lines.texts]
        if not own:
            letters: Counter[str] = Counter()
            for each in counts:
                letters.update(each)
            own = {name for name, count in letters.items() if count >= MIN_SCRIPT * sum(letters.values())}
        foreign = np.array(
            [
                2 * sum(n for name, n in each.items() if name not in own) > sum(each.values())
                for each in counts
            ],
            bool,
        )
        mixed = np.array(
            [not text.isascii() and _MIXED.search(text) is not None for text in lines.texts], bool
        )
        unit = f"lines{' that were looked at' if lines.is_sample else ''} of data.{split}'s {side}"
        for mask, share, what, remedy in (
            (
                foreign,
                MAX_FOREIGN,
                f"are not in the script of the others ({'/'.join(sorted(own)).lower()})",
                "remove them, or find what belongs there",
            ),
            (
                mixed,
                MAX_MIXED,
                "have words that mix scripts (letters that only look alike)",
                "write each word in one script",
            ),
        ):
            rows = np.array(lines.rows, int)[mask]
            if exceeds(len(rows), len(lines.rows), share):
                yield Finding(
                    split, share_of(len(rows), len(lines.rows), unit, what), remedy, int(rows[0]), side
                )
