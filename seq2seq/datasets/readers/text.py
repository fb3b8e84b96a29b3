"""Text on its own, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from seq2seq.datasets.readers.lines import filled_lines
from seq2seq.errors import UserError


class Text:
    """Reads lines as pairs of twice the same text; blank lines are passed over.

    Args:
        files: at least one file, plain or `.gz`.
        column: of tab-separated lines, the one with the text, from 0; None: the whole line.
    """

    def __init__(self, files: Sequence[Path], column: int | None = None) -> None:
        if not files:
            raise ValueError("text needs at least one file")
        self.files = tuple(files)
        self.column = column

    @property
    def settings(self) -> str:
        return f"text {self.column}"

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each line twice.

        Raises:
            UserError: a line has no such column, or nothing in it.
        """
        return ((line, line) for _, line in self._located())

    def where(self, row: int, side: str) -> str:
        """The file and line of a text; reads up to there."""
        return next(islice(self._located(), row, None))[0]

    def _located(self) -> Iterator[tuple[str, str]]:
        for path in self.files:
            for where, line in filled_lines(path):
                yield where, line if self.column is None else self._field(where, line, self.column)

    @staticmethod
    def _field(where: str, line: str, column: int) -> str:
        fields = line.split("\t")
        if column >= len(fields):
            raise UserError(
                f"{where}: has {len(fields)} tab-separated column{'s' * (len(fields) > 1)}, and data.column={column}"
                f" counts from 0; give 0 to {len(fields) - 1}."
            )
        if not fields[column].strip():
            raise UserError(f"{where}: has nothing in data.column={column}; remove the line.")
        return fields[column]
