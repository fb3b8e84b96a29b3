"""One corpus as it lies on disk: what its examples are, and the lines that each of them is written with."""

from __future__ import annotations

import csv
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seq2seq.datasets.readers.audio_jsonl import AudioJsonl
from seq2seq.datasets.readers.audio_table import AudioTable, table_columns, table_fields
from seq2seq.datasets.readers.common_voice import COLUMNS, CommonVoice
from seq2seq.datasets.readers.jsonl import Jsonl, json_objects
from seq2seq.datasets.readers.lines import file_exists, file_lines, filled_lines
from seq2seq.datasets.readers.manifest import FieldNames, ManifestReader, Problems
from seq2seq.datasets.readers.pair_reader import PairReader
from seq2seq.datasets.readers.parallel_text import ParallelText
from seq2seq.datasets.readers.tsv import Tsv
from seq2seq.datasets.splitting.groups import normalized
from seq2seq.errors import UserError


class Example(NamedTuple):
    """One of a corpus.

    Attributes:
      keys: examples with one in common belong together; none where there is nothing to tell it by.
      texts: which tell it from others.
      lines: what is written of it, to each of the files of a split.
      whole: whether it is fit to be measured on.
    """

    keys: Sequence[str]
    texts: Sequence[str]
    lines: Sequence[str]
    whole: bool = True


class Corpus(ABC):
    """What can be split.

    Attributes:
      files: it lies in these, and a split in as many.
      unit: what its examples are called.
      largest: groups of more examples are not held out; None: of any size.
      overrides: what reads it, besides the files.
    """

    unit = "pairs"
    largest: int | None = 10
    files: Sequence[Path]
    overrides: Sequence[str]

    @abstractmethod
    def examples(self, folder: Path) -> Iterator[Example]:
        """In the order of the files; again from the start each time.

        Args:
          folder: the lines are for files in it.

        Raises:
          UserError: with file and line.
        """

    def headers(self) -> Sequence[str | None]:
        """The first lines of the files of a split."""
        return [None] * len(self.files)

    def names(self, split: str) -> Sequence[str]:
        """Of the files of a split."""
        return [split + ending(path) for path in self.files]

    def named(self, split: str) -> Iterator[str]:
        """The overrides that name these files, from the folder that they are in."""
        yield f"data.{split}={self.names(split)[0]}"


class Pairs(Corpus):
    """Pairs of texts, of which none is to be in two splits on either side."""

    reader: PairReader

    def examples(self, folder: Path) -> Iterator[Example]:
        for (source, target), lines in zip(self.reader.pairs(), self.lines()):
            texts = normalized(source), normalized(target)
            keys = [f"{side}:{text}" for side, text in zip(("source", "target"), texts) if text]
            yield Example(keys, texts, lines, whole=all(texts))

    @abstractmethod
    def lines(self) -> Iterator[Sequence[str]]:
        """Of each pair."""


class ParallelFiles(Pairs):
    """Two files, line by line translations of each other."""

    overrides = ("data=parallel_text",)

    def __init__(self, source: Path, target: Path) -> None:
        self.files = (source, target)
        self.reader = ParallelText([source], [target])

    def lines(self) -> Iterator[Sequence[str]]:
        return zip(*map(file_lines, self.files))

    def names(self, split: str) -> Sequence[str]:
        endings = [ending(path) for path in self.files]
        if len(set(endings)) == 1:
            endings = [f".source{endings[0]}", f".target{endings[1]}"]
        return [split + end for end in endings]

    def named(self, split: str) -> Iterator[str]:
        for side, name in zip(("source", "target"), self.names(split)):
            yield f"data.{split}.{side}={name}"


class PairTable(Pairs):
    """Tab-separated columns; all of them are kept."""

    def __init__(self, path: Path, source: str, target: str) -> None:
        self.files = (path,)
        self.reader = Tsv([path], source_column=_column(source), target_column=_column(target))
        self._has_header = not source.isdecimal()
        columns = (("source", source, "0"), ("target", target, "1"))
        self.overrides = ("data=tsv", *_unless_default("column", columns))

    def headers(self) -> Sequence[str | None]:
        return [next(filled_lines(self.files[0]))[1] if self._has_header else None]

    def lines(self) -> Iterator[Sequence[str]]:
        lines = filled_lines(self.files[0])
        if self._has_header:
            next(lines)
        return ([line] for _, line in lines)


class PairObjects(Pairs):
    """A JSON object a line; all of its fields are kept."""

    def __init__(self, path: Path, source: str, target: str) -> None:
        self.files = (path,)
        self.reader = Jsonl([path], source_field=source, target_field=target)
        fields = (("source", source, "source"), ("target", target, "target"))
        self.overrides = ("data=jsonl", *_unless_default("field", fields))

    def lines(self) -> Iterator[Sequence[str]]:
        return ([line] for _, line in filled_lines(self.files[0]))


class Lines(Corpus):
    """A text on each line."""

    unit = "lines"
    overrides = ("task=language_model", "data=text")

    def __init__(self, path: Path) -> None:
        self.files = (path,)

    def examples(self, folder: Path) -> Iterator[Example]:
        for _, line in filled_lines(self.files[0]):
            text = normalized(line)
            yield Example([text] if text else [], [text], [line], whole=bool(text))


class Manifest(Corpus):
    """Utterances, of which no speaker is to be in two splits or, where none is known, no recording."""

    unit = "utterances"
    largest = None

    def __init__(self, path: Path, data: str, reader: ManifestReader, audio: str, clips: str = "") -> None:
        self.files = (path,)
        self.overrides = ("task=speech", f"data={data}")
        self._reader = reader
        self._audio = audio  # its column or field
        self._clips = clips  # the folder, beside a manifest, that paths of audio start from
        self._is_csv = ".csv" in ending(path).lower()

    def examples(self, folder: Path) -> Iterator[Example]:
        problems = Problems()
        rows = self._reader.rows(problems)
        problems.raise_any()
        moved = folder.resolve() != self.files[0].parent.resolve()
        for row, line in zip(rows, self._lines(folder if moved else None)):
            utterance = row.utterance
            key = f"speaker:{utterance.speaker}" if utterance.speaker else f"audio:{utterance.audio}"
            yield Example([key], [key], [line])

    def headers(self) -> Sequence[str | None]:
        return [None] if self._is_json else [self._line(table_columns(self.files[0]))]

    @property
    def _is_json(self) -> bool:
        return isinstance(self._reader, AudioJsonl)

    def _lines(self, folder: Path | None) -> Iterator[str]:
        """Each with the path of its audio as it is from `folder`; as it was where that is None."""
        (path,) = self.files
        if self._is_json:
            for (_, line), (_, values) in zip(filled_lines(path), json_objects(path)):
                moved = {**values, self._audio: self._from(folder, values[self._audio])} if folder else values
                yield json.dumps(moved, ensure_ascii=False) if folder else line
            return
        columns = table_columns(path)
        place = columns.index(self._audio)
        for fields in table_fields(path):
            if folder:
                fields[place] = self._from(folder, fields[place])
            yield self._line(fields)

    def _from(self, folder: Path, audio: str) -> str:
        if Path(audio).is_absolute():
            return audio
        before, after = (base / self._clips for base in (self.files[0].parent, folder))
        return Path(os.path.relpath(before.resolve() / audio, after.resolve())).as_posix()

    def _line(self, fields: Sequence[str]) -> str:
        if not self._is_csv:
            return "\t".join(fields)
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(fields)
        return text.getvalue()


def ending(path: Path) -> str:
    """`.tsv.gz` of `corpus.en-fr.tsv.gz`: the last suffix, and the one before `.gz`."""
    gz = path.suffix if path.suffix.lower() == ".gz" else ""
    return Path(path.name.removesuffix(gz)).suffix + gz


def _column(name: str) -> int | str:
    return int(name) if name.isdecimal() else name


def _unless_default(kind: str, names: Sequence[tuple[str, str, str]]) -> list[str]:
    return [f"data.{side}_{kind}={name}" for side, name, default in names if name != default]


def open_corpus(path: Path, target_path: Path | None, source: str | None, target: str | None) -> Corpus:
    """The corpus in a file, or in two that are translations of each other, by their looks.

    Args:
      path, target_path: of the files.
      source, target: columns or fields of pairs; None: those that `data=tsv` and `data=jsonl` read by themselves.

    Raises:
      UserError: it is none that can be split.
    """
    for file in filter(None, (path, target_path)):
        if not file_exists(file):
            kind = "is a folder; give a file" if os.path.isdir(file) else "no such file"  # noqa: PTH112
            raise UserError(f"{file}: {kind}")
    if target_path is not None:
        if source or target:
            raise UserError("--source and --target name columns of one file, and two files are given")
        return ParallelFiles(path, target_path)
    names = FieldNames()
    if {".jsonl", ".json"} & {suffix.lower() for suffix in path.suffixes}:
        _, first = next(json_objects(path))
        if set(names.required) <= set(first) and not (source or target):
            return Manifest(path, "audio_jsonl", AudioJsonl([path]), names.audio)
        return PairObjects(path, source or "source", target or "target")
    columns = set(table_columns(path))
    if source or target:
        return PairTable(path, source or "0", target or "1")
    if columns >= set(names.required):
        return Manifest(path, "audio_table", AudioTable([path]), names.audio)
    if columns >= set(COLUMNS.required):
        return Manifest(path, "common_voice", CommonVoice([path]), COLUMNS.audio, clips="clips")
    if ".csv" in ending(path).lower():
        raise UserError(
            f"{path}: has no columns audio and text, and pairs of texts are read from tab-separated files"
        )
    if len(table_columns(path)) < 2:
        return Lines(path)
    return PairTable(path, "0", "1")
