"""From the configuration of the data to a reader of its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Union

from seq2seq.config.groups.data import DataConfig
from seq2seq.config.groups.speech_data import SpeechDataConfig
from seq2seq.datasets.readers.audio_jsonl import AudioJsonl
from seq2seq.datasets.readers.audio_table import AudioTable, table_columns
from seq2seq.datasets.readers.common_voice import COLUMNS, CommonVoice
from seq2seq.datasets.readers.jsonl import Jsonl
from seq2seq.datasets.readers.kaldi import REQUIRED, Kaldi
from seq2seq.datasets.readers.labelled_text import LabelledText
from seq2seq.datasets.readers.librispeech import LibriSpeech
from seq2seq.datasets.readers.lines import file_exists
from seq2seq.datasets.readers.manifest import FieldNames
from seq2seq.datasets.readers.pair_reader import PairReader
from seq2seq.datasets.readers.parallel_text import ParallelText
from seq2seq.datasets.readers.text import Text
from seq2seq.datasets.readers.tsv import Tsv
from seq2seq.datasets.readers.utterance_reader import UtteranceReader
from seq2seq.errors import UserError

SPLITS = ("train", "val", "test")
Reader = Union[PairReader, UtteranceReader]


def build_reader(config: DataConfig, split: str) -> Reader | None:
    """The reader of a split (train, val or test); None where the configuration names no file for it."""
    value = getattr(config, split)
    sides = [getattr(value, field.name) for field in fields(value)] if is_dataclass(value) else None
    files = _paths(config, value) if sides is None else [_paths(config, side) for side in sides]
    reader: Reader | None = resolve_name(config.reader)(config, files) if any(files) else None
    return reader


def splits_of(config: DataConfig) -> list[str]:
    """The splits that the configuration names files for."""
    return [split for split in SPLITS if build_reader(config, split) is not None]


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
    names = FieldNames(**config.names)
    if {".jsonl", ".json"} & {suffix.lower() for suffix in path.suffixes}:
        return AudioJsonl([path], names)
    columns = set(table_columns(path))
    if columns >= set(COLUMNS.required) and not columns >= set(names.required):
        return CommonVoice([path])
    return AudioTable([path], names)


def pair_reader(config: DataConfig, path: Path) -> PairReader:
    """The reader of pairs in one file, JSON lines by its name, else a table; fields and columns are called as in
    ``config``, where that has them."""
    if {".jsonl", ".json"} & {suffix.lower() for suffix in path.suffixes}:
        fields = (getattr(config, f"{side}_field", side) for side in ("source", "target"))
        return Jsonl([path], **dict(zip(("source_field", "target_field"), fields)))
    columns = (
        getattr(config, f"{side}_column", default) for side, default in (("source", "0"), ("target", "1"))
    )
    return Tsv([path], **dict(zip(("source_column", "target_column"), map(_column, columns))))


def _paths(config: DataConfig, value: Any) -> list[Path]:
    names = [] if value is None else [value] if isinstance(value, str) else list(value)
    return [Path(config.root or ".") / name for name in names]


# What `DataConfig.reader` names: of the keys of a format and the files of a split, at least one, a reader.


def parallel_text(config: Any, files: Sequence[list[Path]]) -> Reader:
    return ParallelText(*files)


def tsv(config: Any, files: list[Path]) -> Reader:
    return Tsv(
        files, source_column=_column(config.source_column), target_column=_column(config.target_column)
    )


def jsonl(config: Any, files: list[Path]) -> Reader:
    return Jsonl(files, source_field=config.source_field, target_field=config.target_field)


def labelled_text(config: Any, files: list[Path]) -> Reader:
    return LabelledText(files)


def text(config: Any, files: list[Path]) -> Reader:
    return Text(files, config.column)


def audio_table(config: Any, files: list[Path]) -> Reader:
    return AudioTable(files, FieldNames(**config.names))


def audio_jsonl(config: Any, files: list[Path]) -> Reader:
    return AudioJsonl(files, FieldNames(**config.names))


def librispeech(config: Any, files: list[Path]) -> Reader:
    return LibriSpeech(files)


def common_voice(config: Any, files: list[Path]) -> Reader:
    return CommonVoice(files)


def kaldi(config: Any, files: list[Path]) -> Reader:
    return Kaldi(files)


def _column(name: str) -> int | str:
    return int(name) if name.isdecimal() else name
