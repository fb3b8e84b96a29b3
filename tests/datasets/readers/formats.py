"""Every reader on the same three examples, whose files tests then spoil."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from seq2seq.audio import AudioReader
from seq2seq.config.groups.data import DataConfig
from seq2seq.config.groups.labelled_data import LabelledTextConfig
from seq2seq.config.groups.line_data import TextConfig
from seq2seq.config.groups.speech_data import (
    AudioJsonlConfig,
    AudioTableConfig,
    CommonVoiceConfig,
    KaldiConfig,
    LibriSpeechConfig,
)
from seq2seq.config.groups.text_data import JsonlConfig, ParallelTextConfig, TextPair, TsvConfig
from seq2seq.datasets import (
    AudioJsonl,
    AudioTable,
    CommonVoice,
    Jsonl,
    Kaldi,
    LabelledText,
    LibriSpeech,
    ParallelText,
    Text,
    Tsv,
    UtteranceReader,
    file_lines,
    stream_lines,
)

RATE = 8000
SECONDS = 0.5


@dataclass
class Row:
    """What a line of a format says; `extra` are further fields."""

    text: str
    target: str = ""
    audio: str = ""
    id: str = ""
    times: tuple[str, str] = ("", "")
    extra: tuple[str, ...] = ()


ROWS = (
    Row("one two", "eins zwei", "a.wav", "A"),
    Row("three", "drei", "b.wav", "B"),
    Row("four", "vier", "c.wav", "C"),
)


@dataclass(frozen=True)
class Format:
    """How examples are written in a format and read again.

    Attributes:
        name: of the format.
        main: the file that holds the texts, and is spoiled.
        line: of a row, in that file.
        header: before the lines.
        others: writes what else there must be.
        read: gives the reader of a folder.
        data: gives the configuration that reads a folder.
        audio: the ending of audio files; empty where there is only text.
        folder: of the audio files.
        has_times: whether lines say where in its file an utterance is.
        is_lines: whether a line is an example, and has no second side.
        is_twice: whether a line is both sides of its example.
        task: that reads it.
    """

    name: str
    main: str
    line: Callable[[Row], str]
    read: Callable[[Path], Any]
    header: tuple[str, ...] = ()
    others: Callable[[Path, Sequence[Row]], None] = lambda folder, rows: None
    data: Callable[[Path], DataConfig] | None = None
    audio: str = ""
    folder: str = "."
    has_times: bool = False
    is_lines: bool = False
    is_twice: bool = False
    task: str = "translation"

    def rows(self) -> list[Row]:
        ending = lambda row: row.audio.replace(".wav", self.audio)  # noqa: E731
        return [replace(row, audio=ending(row)) for row in ROWS]

    def write(self, folder: Path, rows: Sequence[Row]) -> Path:
        """The files of these rows; returns the one with the texts."""
        path = folder / self.main
        path.parent.mkdir(parents=True, exist_ok=True)
        (folder / self.folder).mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in (*self.header, *map(self.line, rows))), "utf-8")
        if self.audio:
            tone = 0.3 * np.sin(np.arange(round(SECONDS * RATE)) / 5)
            for row in ROWS:
                soundfile.write(
                    folder / self.folder / row.audio.replace(".wav", self.audio),
                    tone,
                    RATE,
                    format=self.audio[1:].upper(),
                )
        self.others(folder, rows)
        return path

    def examples(self, folder: Path) -> list[Any]:
        """What is read: pairs, texts, or names of audio files with their texts, once the audio was decoded."""
        reader = self.read(folder)
        if isinstance(reader, UtteranceReader):
            utterances, audio = reader.utterances(), AudioReader(RATE)
            assert reader.texts() == [utterance.text for utterance in utterances]
            for utterance in utterances:
                audio(utterance.audio, start=utterance.start, end=utterance.end)
            return [(utterance.audio.name, utterance.text) for utterance in utterances]
        return list(reader.pairs() if hasattr(reader, "pairs") else reader)

    def expected(self, rows: Sequence[Row]) -> list[Any]:
        if self.audio:
            return [(Path(row.audio).name, row.text) for row in rows]
        if self.is_twice:
            return [(row.text, row.text) for row in rows]
        return [row.text if self.is_lines else (row.text, row.target) for row in rows]


def _json(**names: str) -> Callable[[Row], str]:
    def line(row: Row) -> str:
        fields = {name: getattr(row, attribute) for name, attribute in names.items()}
        times = dict(zip(("start", "end"), row.times)) if any(row.times) else {}
        return json.dumps({**fields, **times, **{f"extra{n}": text for n, text in enumerate(row.extra)}})

    return line


def _csv(row: Row) -> str:
    fields = (row.audio, row.text, row.id, *row.times, *row.extra)
    quoted = (f'"{text}"' if "," in text else text for text in fields)
    return ",".join(quoted)


def _other_side(name: str, attribute: str) -> Callable[[Path, Sequence[Row]], None]:
    def write(folder: Path, rows: Sequence[Row]) -> None:
        (folder / name).write_text("".join(f"{getattr(row, attribute)}\n" for row in ROWS), "utf-8")

    return write


def _kaldi(folder: Path, rows: Sequence[Row]) -> None:
    (folder / "wav.scp").write_text("".join(f"{row.id} {row.audio}\n" for row in rows), "utf-8")
    if any(any(row.times) for row in rows):
        times = (f"{row.id} {row.id} {row.times[0] or 0} {row.times[1] or -1}\n" for row in rows)
        (folder / "segments").write_text("".join(times), "utf-8")


def _data(kind: Any, name: str) -> Callable[[Path], DataConfig]:
    """The configuration of data whose splits are one file."""
    return lambda folder: kind(**dict.fromkeys(("train", "val"), str(_plain_or_gz(folder / name))))


def _pairs(folder: Path) -> DataConfig:
    pair = TextPair(*(str(_plain_or_gz(folder / name)) for name in ("a.en", "a.de")))
    return ParallelTextConfig(train=pair, val=pair)


def _plain_or_gz(path: Path) -> Path:
    compressed = path.with_name(f"{path.name}.gz")
    return compressed if compressed.exists() else path


def _read_stream(folder: Path) -> list[str]:
    with (folder / "input").open("rb") as stream:
        return list(stream_lines(stream, "standard input"))


TABLE = ("audio", "text", "id", "start", "end")
FORMATS = {
    form.name: form
    for form in (
        Format(
            "parallel_text",
            "a.en",
            lambda row: row.text,
            lambda folder: ParallelText([_plain_or_gz(folder / "a.en")], [_plain_or_gz(folder / "a.de")]),
            others=_other_side("a.de", "target"),
            data=_pairs,
        ),
        Format(
            "score's target",
            "a.de",
            lambda row: row.target,
            lambda folder: ParallelText([_plain_or_gz(folder / "a.en")], [_plain_or_gz(folder / "a.de")]),
            others=_other_side("a.en", "text"),
            data=_pairs,
        ),
        Format(
            "tsv",
            "a.tsv",
            lambda row: "\t".join([row.text, row.target, *row.extra]),
            lambda folder: Tsv([_plain_or_gz(folder / "a.tsv")], source_column=0, target_column=1),
            data=_data(TsvConfig, "a.tsv"),
        ),
        Format(
            "tsv with a header",
            "a.tsv",
            lambda row: "\t".join([row.target, row.text, *row.extra]),
            lambda folder: Tsv([_plain_or_gz(folder / "a.tsv")], source_column="en", target_column="de"),
            header=("de\ten",),
        ),
        Format(
            "jsonl",
            "a.jsonl",
            _json(source="text", target="target"),
            lambda folder: Jsonl(
                [_plain_or_gz(folder / "a.jsonl")], source_field="source", target_field="target"
            ),
            data=_data(JsonlConfig, "a.jsonl"),
        ),
        Format(
            "text",
            "a.txt",
            lambda row: row.text,
            lambda folder: Text([_plain_or_gz(folder / "a.txt")]),
            data=_data(TextConfig, "a.txt"),
            is_twice=True,
            task="language_model",
        ),
        Format(
            "labelled_text",
            "a.tsv",
            lambda row: f"{row.target}\t{row.text}",
            lambda folder: LabelledText([_plain_or_gz(folder / "a.tsv")]),
            data=_data(LabelledTextConfig, "a.tsv"),
            task="classification",
        ),
        Format(
            "file of lines",
            "input",
            lambda row: row.text,
            lambda folder: file_lines(_plain_or_gz(folder / "input")),
            is_lines=True,
        ),
        Format("standard input", "input", lambda row: row.text, _read_stream, is_lines=True),
        Format(
            "audio_table",
            "a.tsv",
            lambda row: "\t".join([row.audio, row.text, row.id, *row.times, *row.extra]),
            lambda folder: AudioTable([_plain_or_gz(folder / "a.tsv")]),
            header=("\t".join(TABLE),),
            data=_data(AudioTableConfig, "a.tsv"),
            audio=".wav",
            has_times=True,
        ),
        Format(
            "audio_table of commas",
            "a.csv",
            _csv,
            lambda folder: AudioTable([_plain_or_gz(folder / "a.csv")]),
            header=(",".join(TABLE),),
            data=_data(AudioTableConfig, "a.csv"),
            audio=".wav",
            has_times=True,
        ),
        Format(
            "audio_jsonl",
            "a.jsonl",
            _json(audio="audio", text="text", id="id"),
            lambda folder: AudioJsonl([_plain_or_gz(folder / "a.jsonl")]),
            data=_data(AudioJsonlConfig, "a.jsonl"),
            audio=".wav",
            has_times=True,
        ),
        Format(
            "kaldi",
            "text",
            lambda row: f"{row.id} {row.text}",
            lambda folder: Kaldi([folder]),
            others=_kaldi,
            data=_data(KaldiConfig, "."),
            audio=".wav",
            has_times=True,
        ),
        Format(
            "librispeech",
            "1/2/1-2.trans.txt",
            lambda row: f"{row.audio[:-5]} {row.text}",
            lambda folder: LibriSpeech([folder]),
            data=_data(LibriSpeechConfig, "."),
            audio=".flac",
            folder="1/2",
        ),
        Format(
            "common_voice",
            "train.tsv",
            lambda row: "\t".join([row.id, row.audio, row.text, *row.extra]),
            lambda folder: CommonVoice([_plain_or_gz(folder / "train.tsv")]),
            header=("client_id\tpath\tsentence",),
            data=_data(CommonVoiceConfig, "train.tsv"),
            audio=".mp3",
            folder="clips",
        ),
    )
}
