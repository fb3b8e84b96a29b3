"""Texts with labels: a label, a tab and a text on each line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from seq2seq.datasets.readers.lines import filled_lines
from seq2seq.errors import UserError


class LabelledText:
    """Reads pairs of a text and its label; blank lines are passed over, and further tabs are of the text.

    Args:
        files: at least one file, plain or `.gz`.
    """

    settings = "labelled_text"

    def __init__(self, files: Sequence[Path]) -> None:
        if not files:
            raise ValueError("labelled text needs at least one file")
        self.files = tuple(files)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Text and label.

        Raises:
            UserError: a line has no tab, an empty label or an empty text.
        """
        return (pair for _, pair in self._located())

    def where(self, row: int, side: str) -> str:
        """The file and line of a pair; reads up to there."""
        return next(islice(self._located(), row, None))[0]

    def _located(self) -> Iterator[tuple[str, tuple[str, str]]]:
        for path in self.files:
            for where, line in filled_lines(path):
                label, tab, text = line.partition("\t")
                if not tab:
                    raise UserError(f"{where}: has no tab; write a label, a tab and a text on each line.")
                if not label.strip():
                    raise UserError(f"{where}: the label before the tab is empty.")
                if not text.strip():
                    raise UserError(f"{where}: the text after the tab is empty.")
                yield where, (text, label)
