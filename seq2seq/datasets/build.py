"""From the configuration of the data to a reader of its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seq2seq.config.schema import DataConfig, JsonlConfig, ParallelTextConfig, TsvConfig
from seq2seq.datasets.jsonl import Jsonl
from seq2seq.datasets.pair_reader import PairReader
from seq2seq.datasets.parallel_text import ParallelText
from seq2seq.datasets.tsv import Tsv

SPLITS = ("train", "val", "test")


def build_reader(config: DataConfig, split: str) -> PairReader | None:
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
    if isinstance(config, TsvConfig):
        return Tsv(paths(files), source_column=config.source_column, target_column=config.target_column)
    assert isinstance(config, JsonlConfig)
    return Jsonl(paths(files), source_field=config.source_field, target_field=config.target_field)
