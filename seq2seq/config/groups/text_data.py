"""`data`: formats of pairs of texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import Group, choice_of, files, group, option
from seq2seq.config.groups.data import DataConfig, required_splits, split_hint
from seq2seq.config.tables import DATA_FORMATS


@dataclass
class PairDataConfig(DataConfig):
    """What all formats of pairs of texts share."""


@dataclass
class TextPair(Group):
    """Files of one split, line by line translations of each other; names ending in .gz are decompressed."""

    source: Any = files("the lines to translate")
    target: Any = files("their translations, as many lines")


@dataclass
class ParallelTextConfig(PairDataConfig):
    """Two files a split."""

    reader = "seq2seq.tasks.readers:parallel_text"

    format: str = choice_of(DATA_FORMATS, "parallel_text", "set by the choice of data=")
    train: TextPair = group(TextPair)
    val: TextPair = group(TextPair, "The same for validation.")
    test: TextPair = group(TextPair, "The same for the test at the end; may be left out.")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        train, val = self.train, self.val
        if train.source and train.target and val.source is None and val.target is None:
            hint = split_hint(self, train.source, train.target)
            yield f"data.val: not given; data.val.source=FILE data.val.target=FILE; {hint}"
            val = train  # about which nothing more is to be said
        for split, pair, needed in (
            ("train", train, True),
            ("val", val, True),
            ("test", self.test, False),
        ):
            for side, value in (("source", pair.source), ("target", pair.target)):
                if value is None and (needed or pair.source or pair.target):
                    yield f"data.{split}.{side}: not given; a path or a list of paths"


@dataclass
class TsvConfig(PairDataConfig):
    """Tab-separated columns, by number, or by name in a header."""

    reader = "seq2seq.tasks.readers:tsv"

    format: str = choice_of(DATA_FORMATS, "tsv", "set by the choice of data=")
    train: Any = files("the training data")
    val: Any = files("the same for validation")
    test: Any = files("the same for the test at the end; may be left out")
    source_column: str = option("0", "a number from 0, or a name in the header that each file then has")
    target_column: str = option("1", "the same, of the same kind")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        yield from required_splits(self)
        source, target = self.source_column, self.target_column
        for side, column in (("source", source), ("target", target)):
            if column[:1] == "-" and column[1:].isdecimal():
                yield f"data.{side}_column={column}: must be at least 0, or a name"
        if source == target:
            yield f"data.target_column={target}: is the source's column as well"
        elif source.isdecimal() is not target.isdecimal():
            yield (
                f"data.target_column={target}: with data.source_column={source}; both are numbers (without a"
                " header), or both are names (of a header)"
            )


@dataclass
class JsonlConfig(PairDataConfig):
    """One JSON object a line."""

    reader = "seq2seq.tasks.readers:jsonl"

    format: str = choice_of(DATA_FORMATS, "jsonl", "set by the choice of data=")
    train: Any = files("the training data")
    val: Any = files("the same for validation")
    test: Any = files("the same for the test at the end; may be left out")
    source_field: str = option("source", "name of the field with the source")
    target_field: str = option("target", "name of the field with the target")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        yield from required_splits(self)
        if self.source_field == self.target_field:
            yield f"data.target_field={self.target_field}: is the source's field as well"
