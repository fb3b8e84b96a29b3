"""Tables with tab-separated columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from seq2seq.datasets.readers.lines import filled_lines, listed, warn_of_unread
from seq2seq.errors import UserError


class Tsv:
    """Reads two columns of tables. A tab always separates and nothing is quoted; blank lines are passed over.

    Args:
        files: at least one file, plain or `.gz`.
        source_column: a column's number from 0 in files without a header, or its name in the header that is
            then the first line of each file.
        target_column: the same, of the same kind.
    """

    def __init__(self, files: Sequence[Path], *, source_column: int | str, target_column: int | str) -> None:
        if not files:
            raise ValueError("tables need at least one file")
        if isinstance(source_column, str) != isinstance(target_column, str):
            raise UserError(
                f"The columns {source_column} and {target_column} must both be names (of a header) or both "
                "be numbers (from 0, without a header)."
            )
        self.files = tuple(files)
        self.source_column = source_column
        self.target_column = target_column

    @property
    def settings(self) -> str:
        return repr(("tsv", self.source_column, self.target_column))

    def pairs(self) -> Iterator[tuple[str, str]]:
        return (pair for _, pair in self._located())

    def where(self, row: int, side: str) -> str:
        """The file and line of a pair; reads up to there."""
        return next(islice(self._located(), row, None))[0]

    def _located(self) -> Iterator[tuple[str, tuple[str, str]]]:
        for path in self.files:
            yield from self._pairs(path)

    def _pairs(self, path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
        columns = 0
        source = target = -1
        for where, line in filled_lines(path):
            fields = line.split("\t")
            if not columns:
                columns = len(fields)
                source = _position(self.source_column, fields, path)
                target = _position(self.target_column, fields, path)
                names = fields if isinstance(self.source_column, str) else [str(n) for n in range(columns)]
                warn_of_unread(path, "column", names, (names[source], names[target]))
                if isinstance(self.source_column, str):
                    continue
            if len(fields) != columns:
                raise UserError(
                    f"{where}: {len(fields)} tab-separated columns, where the first line has {columns}."
                )
            yield where, (fields[source], fields[target])


_SEPARATORS = {",": "commas", ";": "semicolons", "|": "bars"}


def _position(column: int | str, first_line: Sequence[str], path: Path) -> int:
    if isinstance(column, str):
        if column not in first_line:
            raise UserError(f"{path} has no column {column}; its header names {listed(first_line)}.")
        if first_line.count(column) > 1:
            raise UserError(f"{path}: its header names the column {column} twice.")
        return first_line.index(column)
    if len(first_line) == 1 and column in (0, 1):
        others = [name for mark, name in _SEPARATORS.items() if mark in first_line[0]]
        instead = f" and this file by {others[0]}, as it seems" if others else ""
        raise UserError(f"{path}, line 1: one column; columns are separated by tabs{instead}.")
    if not 0 <= column < len(first_line):
        last = len(first_line) - 1
        raise UserError(f"{path} has no column {column}; its first line has the columns 0 to {last}.")
    return column
