"""Tables of utterances, tab- or comma-separated, with a header."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from seq2seq.datasets.readers.lines import file_lines, listed, warn_of_unread
from seq2seq.datasets.readers.manifest import FieldNames, ManifestReader, Problems, Row
from seq2seq.errors import UserError

csv.field_size_limit(2**31 - 1)  # a long line of a table with commas is read as one with tabs is


class AudioTable(ManifestReader):
    """Reads tables whose first line names their columns, in any order; other columns are passed over, and
    named.

    Files whose name ends in `.csv` (or `.csv.gz`) are comma-separated, with quotes as spreadsheets write them. In all
    others a tab always separates and nothing is quoted.

    Args:
        files: at least one file, plain or `.gz`.
        columns: the columns' names.
    """

    def __init__(self, files: Sequence[Path], columns: FieldNames = FieldNames()) -> None:
        self.files = tuple(files)
        self.columns = columns

    @property
    def settings(self) -> str:
        return repr(("audio_table", self.columns))

    def rows(self, problems: Problems) -> list[Row]:
        rows: list[Row] = []
        for path in self.files:
            for where, values in table_rows(path, self.columns.required, self.columns.all, problems):
                with problems.gathered():
                    rows.append(self.columns.row(values, path.parent, where))
        return rows


def table_columns(path: Path) -> list[str]:
    """What the header of a table names; nothing where the table is empty."""
    return next(_separated(path), (1, []))[1]


def table_fields(path: Path) -> Iterator[list[str]]:
    """The fields of the lines behind the header of a table, blank lines passed over."""
    lines = _separated(path)
    next(lines, None)
    return (fields for _, fields in lines)


def table_rows(
    path: Path, required: Sequence[str], known: Collection[str], problems: Problems
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The lines of a table behind its header: where each stands, and its fields by column. Blank lines are passed over.

    Args:
        path: the file.
        required: columns that there must be.
        known: columns that there may be; others are named once.
        problems: gets what is wrong with the table or with a line; that line is passed over.
    """
    with problems.gathered():
        lines = _separated(path)
        _, header = next(lines, (0, []))
        if not header:
            raise UserError(f"{path} has none but blank lines.")
        lacking = [column for column in required if column not in header]
        if lacking:
            raise UserError(f"{path} has no column {', '.join(lacking)}; its header names {listed(header)}.")
        twice = [column for column in dict.fromkeys(header) if column and header.count(column) > 1]
        if twice:
            raise UserError(f"{path}: its header names the column {listed(twice)} twice.")
        warn_of_unread(path, "column", filter(None, header), known)
        is_empty = True
        for number, fields in lines:
            is_empty = False
            if len(fields) == len(header):
                yield f"{path}, line {number}", dict(zip(header, fields))
            else:
                problems.add(
                    f"{path}, line {number}: {len(fields)} columns, where the header has {len(header)}."
                )
        if is_empty:
            raise UserError(f"{path} has a header, but no utterance.")


def _separated(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The fields of the lines that are not blank, with the number from 1 of the line that they begin in."""
    if Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower() != ".csv":
        for number, line in enumerate(file_lines(path), start=1):
            if line.strip(" \r"):
                yield number, line.split("\t")
        return
    reader = csv.reader((f"{line}\n" for line in file_lines(path)), strict=True)
    first = 1
    try:
        for fields in reader:
            if len(fields) > 1 or "".join(fields).strip():
                yield first, fields
            first = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {first}: this is not comma-separated ({error}).") from error
