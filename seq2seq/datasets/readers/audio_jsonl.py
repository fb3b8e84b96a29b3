"""Utterances as a JSON object a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seq2seq.datasets.readers.jsonl import json_objects
from seq2seq.datasets.readers.lines import MAX_NAMED, warn_of_unread
from seq2seq.datasets.readers.manifest import FieldNames, ManifestReader, Problems, Row


class AudioJsonl(ManifestReader):
    """Reads fields of the objects; others are passed over, and named.

    Args:
        files: at least one file, plain or `.gz`.
        fields: the fields' names.
    """

    def __init__(self, files: Sequence[Path], fields: FieldNames = FieldNames()) -> None:
        self.files = tuple(files)
        self.fields = fields

    @property
    def settings(self) -> str:
        return repr(("audio_jsonl", self.fields))

    def rows(self, problems: Problems) -> list[Row]:
        rows: list[Row] = []
        for path in self.files:
            names: dict[str, None] = {}
            with problems.gathered():
                for where, values in json_objects(path):
                    if len(names) <= MAX_NAMED:  # each line may have others
                        names.update(dict.fromkeys(values))
                    with problems.gathered():
                        rows.append(self.fields.row(values, path.parent, where))
            warn_of_unread(path, "field", names, self.fields.all)
        return rows
