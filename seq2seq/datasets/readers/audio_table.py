"""Tables of utterances, tab- or comma-separated, with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seq2seq.datasets.readers.lines import file_lines
from seq2seq.datasets.readers.manifest import FieldNames, ManifestReader, Problems, Row
from seq2seq.errors import UserError


class AudioTable(ManifestReader):
    """Reads tables whose first line names their columns, in any order; other columns are passed over.

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
            for where, values in table_rows(path, self.columns.required, problems):
                with problems.gathered():
                    rows.append(self.columns.row(values, path.parent, where))
        return rows


def table_columns(path: Path) -> list[str]:
    """What the header of a table names; nothing where the table is empty."""
    return next(_separated(path), (1, []))[1]


def table_rows(
    path: Path, required: Sequence[str], problems: Problems
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The lines of a table behind its header: where each stands, and its fields by column.

    Args:
        path: the file.
        required: columns that there must be.
        problems: gets what is wrong with the table or with a line; that line is passed over.
    """
    with problems.gathered():
        lines = _separated(path)
        _, header = next(lines)
        lacking = [column for column in required if column not in header]
        if lacking:
            raise UserError(
                f"{path} has no column {', '.join(lacking)}; its header names {', '.join(header)}."
            )
        number = 1
        for number, fields in lines:
            if len(fields) == len(header):
                yield f"{path}, line {number}", dict(zip(header, fields))
            else:
                problems.add(
                    f"{path}, line {number}: {len(fields)} columns, where the header has {len(header)}."
                )
        if number == 1:
            raise UserError(f"{path} has a header, but no utterance.")


def _separated(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The fields of the lines that are not empty, with the line's number from 1."""
    if Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower() != ".csv":
        for number, line in enumerate(file_lines(path), start=1):
            if line:
                yield number, line.split("\t")
        return
    reader = csv.reader((f"{line}\n" for line in file_lines(path)), strict=True)
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: this is not comma-separated ({error}).") from error
