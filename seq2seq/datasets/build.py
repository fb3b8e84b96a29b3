"""From the configuration of the data to a reader of its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Union

from seq2seq.config.schema import (
    AudioJsonlConfig,
    AudioTableConfig,
    CommonVoiceConfig,
    DataConfig,
    JsonlConfig,
    KaldiConfig,
    LibriSpeechConfig,
    ParallelTextConfig,
    SpeechDataConfig,
    TsvConfig,
)
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

    def paths(value: Any) -> list[Path]:
        names = [] if value is None else [value] if isinstance(value, str) else list(value)
        return [Path(config.root or ".") / name for name in names]

    files = getattr(config, split)
    if isinstance(config, ParallelTextConfig):
        source, target = paths(files.source), paths(files.target)
        return ParallelText(source, target) if source or target else None
    if not paths(files):
        return None
    if isinstance(config, SpeechDataConfig):
        return _utterance_reader(config, paths(files))
    if isinstance(config, TsvConfig):
        return Tsv(paths(files), source_column=config.source_column, target_column=config.target_column)
    assert isinstance(config, JsonlConfig)
    return Jsonl(paths(files), source_field=config.source_field, target_field=config.target_field)


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


def _field_names(config: SpeechDataConfig) -> FieldNames:
    if isinstance(config, AudioTableConfig):
        return FieldNames(
            audio=config.audio_column,
            text=config.text_column,
            speaker=config.speaker_column,
            id=config.id_column,
        )
    if isinstance(config, AudioJsonlConfig):
        return FieldNames(
            audio=config.audio_field, text=config.text_field, speaker=config.speaker_field, id=config.id_field
        )
    return FieldNames()


def _utterance_reader(config: SpeechDataConfig, paths: list[Path]) -> UtteranceReader:
    if isinstance(config, AudioTableConfig):
        return AudioTable(paths, _field_names(config))
    if isinstance(config, AudioJsonlConfig):
        return AudioJsonl(paths, _field_names(config))
    if isinstance(config, LibriSpeechConfig):
        return LibriSpeech(paths)
    if isinstance(config, CommonVoiceConfig):
        return CommonVoice(paths)
    assert isinstance(config, KaldiConfig)
    return Kaldi(paths)
