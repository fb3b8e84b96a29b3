"""Kaldi's data folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seq2seq.datasets.readers.lines import file_lines
from seq2seq.datasets.readers.manifest import ManifestReader, Problems, Row
from seq2seq.datasets.readers.utterance_reader import Utterance
from seq2seq.errors import UserError

REQUIRED = ("wav.scp", "text")
OPTIONAL = ("segments", "utt2spk")


class _Entry(NamedTuple):
    where: str
    value: str


class Kaldi(ManifestReader):
    """Reads `wav.scp` (recording, file), `text` (utterance, words) and, where there are, `segments` (utterance,
    recording, start, end) and `utt2spk` (utterance, speaker), as https://kaldi-asr.org/doc/data_prep.html has them.

    Without segments an utterance is a recording. A relative path counts from the data folder or, as in Kaldi's own
    recipes, from the current one: wherever the file is. Commands in wav.scp are not run.

    Args:
        folders: at least one data folder.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)

    @property
    def files(self) -> Sequence[Path]:
        return [
            folder / name
            for folder in self.folders
            for name in (*REQUIRED, *OPTIONAL)
            if name in REQUIRED or (folder / name).is_file()
        ]

    @property
    def settings(self) -> str:
        return repr(("kaldi",))

    def rows(self, problems: Problems) -> list[Row]:
        return [row for folder in self.folders for row in _folder_rows(folder, problems)]


def _folder_rows(folder: Path, problems: Problems) -> list[Row]:
    recordings, texts = (_entries(folder / name, problems) for name in REQUIRED)
    segments, speakers = (
        _entries(folder / name, problems) if (folder / name).is_file() else {} for name in OPTIONAL
    )
    if not recordings or not texts:
        return []
    pipes = [entry.where for entry in recordings.values() if entry.value.endswith("|")]
    if pipes:
        problems.add(
            f"{pipes[0]}: commands (ending in |) are not run, and there are {len(pipes):,}; write their output to files"
            " and name those."
        )
        return []
    if not segments:
        segments = {name: _Entry(entry.where, f"{name} 0 -1") for name, entry in recordings.items()}
    for name, entry in segments.items():
        if name not in texts:
            problems.add(f"{entry.where}: {name} has no line in {folder / 'text'}.")
    rows = []
    for name, text in texts.items():
        with problems.gathered():
            if name not in segments:
                place = folder / ("segments" if (folder / "segments").is_file() else "wav.scp")
                raise UserError(f"{text.where}: {name} has no line in {place}.")
            recording, start, end = _segment(segments[name])
            if recording not in recordings:
                raise UserError(f"{segments[name].where}: {recording} has no line in {folder / 'wav.scp'}.")
            where, path = recordings[recording]
            audio = folder / path if (folder / path).is_file() or not Path(path).is_file() else Path(path)
            speaker = speakers[name].value if name in speakers else ""
            rows.append(Row(where, Utterance(name, audio, 0.0, text.value, speaker, start, end), None))
    return rows


def _entries(path: Path, problems: Problems) -> dict[str, _Entry]:
    """The lines by their first word."""
    entries: dict[str, _Entry] = {}
    with problems.gathered():
        for number, line in enumerate(file_lines(path), start=1):
            name, *rest = line.split(maxsplit=1)
            where = f"{path}, line {number}"
            if name in entries:
                problems.add(f"{where}: {name} is that of {entries[name].where} too.")
            entries[name] = _Entry(where, rest[0].strip() if rest else "")
    return entries


def _segment(entry: _Entry) -> tuple[str, float, float | None]:
    """Recording, start and end; an end below 0 is the recording's."""
    try:
        recording, start, end = entry.value.split()[:3]
        first, last = float(start), float(end)
    except ValueError as error:
        raise UserError(
            f"{entry.where}: {entry.value} is not a recording with a start and an end."
        ) from error
    if not (first >= 0.0 and (last < 0.0 or last > first)):
        raise UserError(f"{entry.where}: its end {end} is not behind its start {start}.")
    return recording, first, None if last < 0.0 else last
