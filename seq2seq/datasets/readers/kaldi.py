"""Kaldi's data folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seq2seq.datasets.readers.lines import file_exists, filled_lines, name_and_rest, warn_once
from seq2seq.datasets.readers.manifest import ManifestReader, Problems, Row, seconds_in
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
            if name in REQUIRED or file_exists(folder / name)
        ]

    @property
    def settings(self) -> str:
        return repr(("kaldi",))

    def rows(self, problems: Problems) -> list[Row]:
        return [row for folder in self.folders for row in _folder_rows(folder, problems)]


def _folder_rows(folder: Path, problems: Problems) -> list[Row]:
    recordings, texts = (_entries(folder / name, problems) for name in REQUIRED)
    segments, speakers = (
        _entries(folder / name, problems) if file_exists(folder / name) else {} for name in OPTIONAL
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
                place = folder / ("segments" if file_exists(folder / "segments") else "wav.scp")
                raise UserError(f"{text.where}: {name} has no line in {place}.")
            recording, start, end = _segment(segments[name])
            if recording not in recordings:
                raise UserError(f"{segments[name].where}: {recording} has no line in {folder / 'wav.scp'}.")
            where, path = recordings[recording]
            if not path:
                raise UserError(f"{where}: {recording} has no file.")
            audio = folder / path if file_exists(folder / path) or not file_exists(Path(path)) else Path(path)
            speaker = speakers[name].value if name in speakers else ""
            utterance = Utterance(name, audio, 0.0, text.value, speaker, start, end)
            rows.append(Row(where, utterance, None, times=segments[name].where))
    return rows


def _entries(path: Path, problems: Problems) -> dict[str, _Entry]:
    """The lines that are not blank by their first word."""
    entries: dict[str, _Entry] = {}
    with problems.gathered():
        for where, line in filled_lines(path):
            name, value = name_and_rest(line)
            if name in entries:
                problems.add(f"{where}: {name} is that of {entries[name].where} too.")
            entries[name] = _Entry(where, value.rstrip(" \t\r"))
    return entries


def _segment(entry: _Entry) -> tuple[str, float, float | None]:
    """Recording, start and end; an end of -1 is the recording's."""
    recording, rest = name_and_rest(entry.value)
    times = rest.split()
    if len(times) not in (2, 3):
        raise UserError(f"{entry.where}: {entry.value} is not a recording with a start and an end.")
    if len(times) == 3:
        warn_once(f"{entry.where}: channels of segments are not read; all channels are mixed down.")
    start = seconds_in(times[0], "start", entry.where) or 0.0
    if times[1] in ("-1", "-1.0"):
        return recording, start, None
    end = seconds_in(times[1], "end", entry.where) or 0.0
    if end <= start:
        raise UserError(f"{entry.where}: its end {times[1]} is not behind its start {times[0]}.")
    return recording, start, end
