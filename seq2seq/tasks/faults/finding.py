"""What is wrong with data, as a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Finding(NamedTuple):
    """Something wrong with a split.

    Attributes:
      split: train, val or test.
      fact: what is wrong, with how many of how many examples.
      remedy: what to do.
      row: an example's number, from 0.
      side: the side that shows it.
    """

    split: str
    fact: str
    remedy: str
    row: int
    side: str = "source"

    def sentence(self, place: Callable[[str, int, str], str]) -> str:
        """
        Args:
          place: where a row of a split stands: file and line, or a recording.
        """
        return f"{self.fact}, such as {place(self.split, self.row, self.side)}: {self.remedy}."


def share_of(count: int, of: int, unit: str, what: str) -> str:
    """How many of how many, and what they are or have."""
    return f"{count:,} of {of:,} {unit} {what}"


def exceeds(count: int, of: int, share: float) -> bool:
    """Whether there are so many that they are no accident; of nothing, nothing is."""
    return count > share * of
