"""Common Voice's layout: tables of a language beside the folder of its clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seq2seq.datasets.readers.audio_table import table_rows
from seq2seq.datasets.readers.lines import file_exists
from seq2seq.datasets.readers.manifest import FieldNames, ManifestReader, Problems, Row, seconds_in

COLUMNS = FieldNames(audio="path", text="sentence", speaker="client_id")
UNREAD = (
    *("sentence_id", "sentence_domain", "up_votes", "down_votes", "age", "gender"),
    *("accent", "accents", "variant", "locale", "segment"),
)
"""Columns of the corpus that nothing is made of, and nothing said."""

DURATIONS = "clip_durations.tsv"


class CommonVoice(ManifestReader):
    """Reads train.tsv, dev.tsv, test.tsv, validated.tsv or another: `path` in clips/, `sentence`, `client_id`.

    Lengths come from clip_durations.tsv, which newer releases bring, and else from the clips' headers.

    Args:
        files: at least one of the tables.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.tables = tuple(files)

    @property
    def files(self) -> Sequence[Path]:
        folders = dict.fromkeys(path.parent for path in self.tables)
        return (*self.tables, *(folder / DURATIONS for folder in folders if file_exists(folder / DURATIONS)))

    @property
    def settings(self) -> str:
        return repr(("common_voice",))

    def rows(self, problems: Problems) -> list[Row]:
        rows: list[Row] = []
        for path in self.tables:
            durations = _durations(path.parent / DURATIONS, problems)
            for where, values in table_rows(path, COLUMNS.required, (*COLUMNS.all, *UNREAD), problems):
                clip = values[COLUMNS.audio]
                known = {"id": Path(clip).stem, "seconds": durations.get(clip)}
                with problems.gathered():
                    rows.append(COLUMNS.row({**values, **known}, path.parent / "clips", where))
        return rows


def _durations(path: Path, problems: Problems) -> dict[str, float]:
    """Seconds by clip; nothing where there is no such table."""
    if not file_exists(path):
        return {}
    columns = ("clip", "duration[ms]")
    seconds = {}
    for where, values in table_rows(path, columns, columns, problems):
        with problems.gathered():
            seconds[values["clip"]] = (
                seconds_in(values["duration[ms]"], "duration[ms]", where) or 0.0
            ) / 1000
    return seconds
