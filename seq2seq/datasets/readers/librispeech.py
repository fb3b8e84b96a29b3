"""LibriSpeech's layout: speaker/chapter/*.flac beside the chapter's text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from seq2seq.datasets.readers.lines import filled_lines, name_and_rest
from seq2seq.datasets.readers.manifest import ManifestReader, Problems, Row
from seq2seq.datasets.readers.utterance_reader import Utterance
from seq2seq.errors import UserError


class LibriSpeech(ManifestReader):
    """Reads `speaker/chapter/speaker-chapter.trans.txt`, whose lines are an id and its text, for `id.flac` beside it.

    Args:
        folders: at least one part of the corpus, such as train-clean-100.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)

    @property
    def files(self) -> Sequence[Path]:
        return [path for folder in self.folders for path in sorted(folder.glob("*/*/*.trans.txt"))]

    @property
    def settings(self) -> str:
        return repr(("librispeech",))

    def rows(self, problems: Problems) -> list[Row]:
        for folder in self.folders:
            if not os.path.isdir(folder):  # noqa: PTH112 (no name is too strange for it)
                raise UserError(f"Cannot read {folder}: there is no such folder.")
            if next(folder.glob("*/*/*.trans.txt"), None) is None:
                raise UserError(
                    f"{folder} is not laid out as LibriSpeech: it has no speaker/chapter/*.trans.txt."
                )
        rows: list[Row] = []
        for path in self.files:
            speaker = path.parent.parent.name
            with problems.gathered():
                for where, line in filled_lines(path):
                    name, text = name_and_rest(line)
                    audio = path.parent / f"{name}.flac"
                    rows.append(Row(where, Utterance(name, audio, 0.0, text, speaker), None))
        return rows
