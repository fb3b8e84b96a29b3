"""Faults that a line of text shows by itself, and what is gathered of many lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from seq2seq.tasks.faults.finding import Finding, exceeds, share_of

MAX_LOOKED_AT = 10_000
"""Lines of a split, evenly spaced, whose text is kept for what takes long; all lines are looked at otherwise."""

MAX_STRAY = 0.001
"""Of the lines of a side: corpora that were cleaned have fewer with a fault of encoding or markup."""

_TAG = re.compile(
    r"</?(?:a|b|br|div|em|font|h[1-6]|i|img|li|ol|p|script|span|strong|style|su[bp]|t[dhr]|table|u|ul)\b[^<>]*>",
    re.I,
)
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]{2,8}\d?);", re.I)
_MOSES = re.compile(r"&(?:amp|apos|quot|lt|gt|#124|#91|#93);")
"""What the tokenizer of Moses writes."""

_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u2028-\u202e\u2060\ufeff]")
_ZERO_WIDTH_SPACE = re.compile("\u200b")
_SPACED_BY_ZERO_WIDTH = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Burmese and Khmer, whose words it parts."""

_HIGH = re.compile(
    "[\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{2,}"
)
"""Runs of what Latin-1 or Windows-1252 has beyond ASCII."""

_LIKELY = re.compile(
    "[\u00a0-\u017f\u0370-\u06ff\u2010-\u2044\u20ac\u2122\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7af]"
)
"""What text in UTF-8 is made of beyond ASCII; `„groß“` read backwards gives something else."""


def has_markup(text: str) -> bool:
    """HTML tags or entities; those of Moses' tokenizer are none."""
    if "<" in text and _TAG.search(text):
        return True
    return "&" in text and _ENTITY.search(_MOSES.sub("", text)) is not None


def is_mojibake(text: str) -> bool:
    """UTF-8 that was read as Latin-1 or Windows-1252, or the character that stands for what could not be read."""
    if text.isascii():
        return False
    return "\ufffd" in text or any(_LIKELY.search(_as_utf8(run)) for run in _HIGH.findall(text))


def _as_utf8(run: str) -> str:
    """What its bytes say as UTF-8; nothing where they are none. Windows-1252 has no character for five of them."""
    single = (c.encode("cp1252", "ignore") or c.encode("latin-1", "ignore") for c in run)
    return b"".join(single).decode("utf-8", "ignore")


def has_control_characters(text: str) -> bool:
    """Characters that are not seen; those that scripts need (joiners, marks of direction) are none."""
    if _CONTROL.search(text):
        return True
    return _ZERO_WIDTH_SPACE.search(text) is not None and not _SPACED_BY_ZERO_WIDTH.search(text)


def is_empty(text: str) -> bool:
    return not text.strip()


class LineFault(NamedTuple):
    """Something wrong with a line.

    Attributes:
      shows: whether a text has it.
      what: `… of … lines of data.train's source {what}`.
      remedy: what to do.
      share: as many as this are no matter.
    """

    shows: Callable[[str], bool]
    what: str
    remedy: str
    share: float = MAX_STRAY


LINE_FAULTS = (
    LineFault(is_empty, "are empty", "remove these examples, or find what belongs there", share=0.0),
    LineFault(has_markup, "hold HTML (tags or entities)", "unescape or remove it, in all splits alike"),
    LineFault(
        is_mojibake,
        "are UTF-8 that was read as Latin-1 or Windows-1252, or was lost (U+FFFD)",
        "convert the files from the original text again",
    ),
    LineFault(
        has_control_characters,
        "hold control or zero-width characters, which nobody sees",
        "remove them, in all splits alike",
    ),
)


class Lines:
    """What is known of many lines, gathered as they pass: numbers of all, text of a sample.

    Attributes:
      count: how many have passed.
      faulty: for each of `LINE_FAULTS`, how many show it, and the first row that does.
      rows: of the sample, ascending.
      texts: of these.
    """

    def __init__(self) -> None:
        self.count = 0
        self.faulty = [[0, 0] for _ in LINE_FAULTS]
        self.rows: list[int] = []
        self.texts: list[str] = []
        self._every = 1

    def add(self, text: str) -> None:
        row, self.count = self.count, self.count + 1
        for fault, seen in zip(LINE_FAULTS, self.faulty):
            if fault.shows(text):
                seen[:] = seen[0] + 1, seen[1] if seen[0] else row
                break  # of text in a wrong encoding some characters are controls
        if row % self._every:
            return
        self.rows.append(row)
        self.texts.append(text)
        if len(self.rows) == 2 * MAX_LOOKED_AT:
            self.rows, self.texts, self._every = self.rows[::2], self.texts[::2], 2 * self._every

    @property
    def is_sample(self) -> bool:
        """Whether there are lines whose text was not kept."""
        return self._every > 1

    def findings(self, split: str, side: str, owner: str) -> Iterator[Finding]:
        """What `LINE_FAULTS` finds.

        Args:
          split, side: whose lines these are.
          owner: the same in words.
        """
        for fault, (count, first) in zip(LINE_FAULTS, self.faulty):
            if exceeds(count, self.count, fault.share):
                what = share_of(count, self.count, f"lines of {owner}", fault.what)
                yield Finding(split, what, fault.remedy, first, side)
