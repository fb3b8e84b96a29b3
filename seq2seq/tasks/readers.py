"""From the configuration of the data to a reader of its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Union

from seq2seq.config.groups.data import DataConfig
from seq2seq.config.groups.speech_data import SpeechDataConfig
from seq2seq.datasets.readers.audio_jsonl import AudioJsonl
from seq2seq.datasets.readers.audio_table import AudioTable, table_columns
from seq2seq.datasets.readers.common_voice import COLUMNS, CommonVoice
from seq2seq.datasets.readers.jsonl import Jsonl
from seq2seq.datasets.readers.kaldi import REQUIRED, Kaldi
from seq2seq.datasets.readers.librispeech import LibriSpeech
from seq2seq.datasets.readers.lines import file_exists
from seq2seq.datasets.readers.manifest import FieldNames
from seq2seq.datasets.readers.pair_reader import PairReader
from seq2seq.datasets.readers.parallel_text import ParallelText
from seq2seq.datasets.readers.tsv import Tsv
from seq2seq.datasets.readers.utterance_reader import UtteranceReader
from seq2seq.errors import UserError

SPLITS = ("train", "val", "test")
Reader = Union[PairReader, UtteranceReader]


def build_reader(config: DataConfig, split: str) -> Reader | None:
    """The reader of a split (train, val or test); None where the configuration names no file for it."""
    return READERS[str(config.format)](config, getattr(config, split))


def required_reader(config: DataConfig, split: str) -> Reader:
    """The reader of a split.

    Raises:
      UserError: the configuration names no file for it.
    """
    reader = build_reader(config, split)
    if reader is None:
        files = getattr(config, split)
        sides = [f".{field.name}" for field in fields(files)] if is_dataclass(files) else [""]
        example = " ".join(f"data.{split}{side}=FILE" for side in sides)
        raise UserError(f"data.{split} names no file; give {example} (relative to data.root).")
    return reader


def manifest_reader(config: SpeechDataConfig, path: Path) -> UtteranceReader:
    """The reader of a manifest of any format, which its looks tell; columns and fields are called as in ``config``,
    where that has them.

    Raises:
      UserError: a folder of no such format, or a file that cannot be read.
    """
    if file_exists(path / REQUIRED[0]):
        return Kaldi([path])
    if not file_exists(path):
        if next(path.glob("*/*/*.trans.txt"), None) is None:
            raise UserError(
                f"{path} is no data folder of Kaldi (wav.scp, text) and not laid out as LibriSpeech"
                " (speaker/chapter/*.trans.txt)."
            )
        return LibriSpeech([path])
    names = _field_names(config)
    if {".jsonl", ".json"} & {suffix.lower() for suffix in path.suffixes}:
        return AudioJsonl([path], names)
    columns = set(table_columns(path))
    if columns >= set(COLUMNS.required) and not columns >= set(names.required):
        return CommonVoice([path])
    return AudioTable([path], names)


def _paths(config: DataConfig, value: Any) -> list[Path]:
    names = [] if value is None else [value] if isinstance(value, str) else list(value)
    return [Path(config.root or ".") / name for name in names]


def _parallel_text(config: DataConfig, files: Any) -> Reader | None:
    source, target = _paths(config, files.source), _paths(config, files.target)
    return ParallelText(source, target) if source or target else None


def _of_files(make: Callable[[Any, list[Path]], Reader]) -> Callable[[Any, Any], Reader | None]:
    """What builds the reader of a format whose splits are files."""

    def build(config: DataConfig, files: Any) -> Reader | None:
        paths = _paths(config, files)
        return make(config, paths) if paths else None

    return build


def _column_names(config: Any) -> FieldNames:
    return FieldNames(
        audio=config.audio_column, text=config.text_column, speaker=config.speaker_column, id=config.id_column
    )


def _names_of_fields(config: Any) -> FieldNames:
    return FieldNames(
        audio=config.audio_field, text=config.text_field, speaker=config.speaker_field, id=config.id_field
    )


def _field_names(config: SpeechDataConfig) -> FieldNames:
    """What columns or fields of a manifest are called; as usual, where the format has no names for them."""
    names = {"audio_table": _column_names, "audio_jsonl": _names_of_fields}.get(str(config.format))
    return FieldNames() if names is None else names(config)


READERS: dict[str, Callable[[Any, Any], Reader | None]] = {
    "parallel_text": _parallel_text,
    "tsv": _of_files(
        lambda config, files: Tsv(
            files, source_column=config.source_column, target_column=config.target_column
        )
    ),
    "jsonl": _of_files(
        lambda config, files: Jsonl(files, source_field=config.source_field, target_field=config.target_field)
    ),
    "audio_table": _of_files(lambda config, files: AudioTable(files, _column_names(config))),
    "audio_jsonl": _of_files(lambda config, files: AudioJsonl(files, _names_of_fields(config))),
    "librispeech": _of_files(lambda _, files: LibriSpeech(files)),
    "common_voice": _of_files(lambda _, files: CommonVoice(files)),
    "kaldi": _of_files(lambda _, files: Kaldi(files)),
}
"""By the format of the data, what builds the reader of a split from the configuration and the split's files."""
