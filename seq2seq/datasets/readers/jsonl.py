"""Files with a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from seq2seq.datasets.readers.lines import MAX_NAMED, filled_lines, listed, warn_of_unread
from seq2seq.errors import UserError


class Jsonl:
    """Reads two fields of the objects.

    Args:
        files: at least one file, plain or `.gz`.
        source_field: the name of a field that holds a string.
        target_field: another.
    """

    def __init__(self, files: Sequence[Path], *, source_field: str, target_field: str) -> None:
        if not files:
            raise ValueError("JSON lines need at least one file")
        self.files = tuple(files)
        self.source_field = source_field
        self.target_field = target_field

    @property
    def settings(self) -> str:
        return repr(("jsonl", self.source_field, self.target_field))

    def pairs(self) -> Iterator[tuple[str, str]]:
        return (pair for _, pair in self._located())

    def where(self, row: int, side: str) -> str:
        """The file and line of a pair; reads up to there."""
        return next(islice(self._located(), row, None))[0]

    def _located(self) -> Iterator[tuple[str, tuple[str, str]]]:
        for path in self.files:
            unread: dict[str, None] = {}
            for where, row in json_objects(path):
                source, target = (
                    text_field(row, field, where) for field in (self.source_field, self.target_field)
                )
                yield where, (source, target)
                if len(unread) <= MAX_NAMED:  # each line may have others
                    unread.update(dict.fromkeys(row))
            warn_of_unread(path, "field", unread, (self.source_field, self.target_field))


def json_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a file, plain or `.gz`, each with where it stands: file and line. Blank lines are passed over.

    Raises:
        UserError: the file cannot be read, or a line is not an object.
    """
    for where, line in filled_lines(path):
        try:
            row = json.loads(line, object_pairs_hook=_unique)
        except ValueError as error:
            raise UserError(f"{where}: this is not JSON ({error}).") from error
        except RecursionError as error:
            raise UserError(f"{where}: this is JSON within JSON, too deep to read.") from error
        if not isinstance(row, dict):
            raise UserError(f"{where}: this is not a JSON object with named fields.")
        yield where, row


def _unique(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values of one field `json` takes the last, silently."""
    row = dict(fields)
    if len(row) < len(fields):
        names = [name for name, _ in fields]
        raise ValueError(f"the field {next(n for n in names if names.count(n) > 1)} occurs twice")
    return row


def text_field(row: Mapping[str, object], field: str, where: str) -> str:
    """The string that a row holds in a field.

    Raises:
        UserError: there is no such field, or something else in it.
    """
    if field not in row:
        raise UserError(f"{where}: there is no field {field}; the fields are {listed(list(row)) or 'none'}.")
    text = row[field]
    if not isinstance(text, str):
        raise UserError(f"{where}: the field {field} holds {json.dumps(text)[:40]} and not a string.")
    if "\0" in text:
        raise UserError(f"{where}: the field {field} holds a NUL character, which text does not.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:  # JSON can spell half a surrogate pair, which is no character
        raise UserError(
            f"{where}: the field {field} holds \\u{ord(text[error.start]):04x}, half a character."
        ) from error
    return text
