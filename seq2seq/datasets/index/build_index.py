"""Reads, tokenises and writes an index, once for the same content."""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, compress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seq2seq.datasets.index.digest import content_hash
from seq2seq.datasets.index.pair_index import DESCRIPTION, PairIndex
from seq2seq.datasets.readers.pair_reader import PairReader
from seq2seq.errors import UserError
from seq2seq.files import ensure_directory
from seq2seq.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

FORMAT = 2  # of the files; a change makes every index anew
CHUNK_PAIRS = 20_000
CHUNK_CHARACTERS = 4_000_000


def build_index(
    reader: PairReader,
    directory: Path,
    *,
    name: str,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    max_source_length: int = 0,
    max_target_length: int = 0,
    keep_all: bool,
    keep_text: bool,
    unit: str = "pairs",
    progress: Callable[[int], None] | None = None,
) -> PairIndex:
    """Opens the index of these pairs, and makes it first if there is none.

    An index is known by its content: the bytes of the files, the tokenizers and the options below decide its
    name, so that it is made anew when one of them changes, and no complete index is ever overwritten. Memory
    does not grow with the data.

    What is done with pairs that do not suit is decided by `keep_all`, counted, and logged:

    - for training (False) pairs with an empty side, and pairs longer than a limit, are left out;
    - for evaluation (True) every pair is kept: an empty source becomes one unknown id, an empty target stays
      empty, and ids beyond a limit are cut off (the text is kept whole).

    Args:
        reader: gives the pairs.
        directory: the folder of indices.
        name: what this one is of (`train`).
        source_tokenizer: for the source.
        target_tokenizer: for the target.
        max_source_length: in tokens; 0 means no limit.
        max_target_length: in tokens, without the end; 0 means no limit.
        keep_all: see above.
        keep_text: whether the text is kept beside the ids (for subword sampling, and as references).
        unit: what the pairs are called, in the plural.
        progress: called now and then with the number of pairs read so far.

    Raises:
        UserError: something cannot be read or written, or no pair remains. Nothing half-written is left.
    """
    key = {
        "format": FORMAT,
        "files": [content_hash(path) for path in reader.files],
        "reader": reader.settings,
        "tokenizers": [source_tokenizer.fingerprint, target_tokenizer.fingerprint],
        "limits": [max_source_length, max_target_length],
        "keep": [keep_all, keep_text],
    }
    digest = hashlib.blake2b(json.dumps(key).encode(), digest_size=8).hexdigest()
    final = directory / f"{name}-{digest}"

    def write(folder: Path) -> None:
        with ExitStack() as stack:
            columns = _Columns(folder, stack)
            sides = (
                _Side("source", source_tokenizer, max_source_length, keep_text, columns),
                _Side("target", target_tokenizer, max_target_length, keep_text, columns),
            )
            _write(reader, sides, columns, keep_all, progress)

    index = _open_complete(final)
    if index is None:
        what = f"The index of tokenised text of {name}"
        ensure_directory(final, what, write, is_complete=lambda path: _open_complete(path) is not None)
        index = PairIndex(final)
    index.unit = unit
    reasons = {
        "empty": "with an empty side",
        "long_source": f"whose source is longer than data.max_source_length={max_source_length} tokens",
        "long_target": f"whose target is longer than data.max_target_length={max_target_length} tokens",
    }
    _report(index, reasons, name, keep_all)
    if len(index) == 0:
        counts = index.counts
        causes = ", ".join(f"{counts[reason]:,} {text}" for reason, text in reasons.items() if counts[reason])
        raise UserError(
            f"None of the {unit} of data.{name} is left of {counts['lines']:,}: {causes or 'there are none'}."
            f"{LONGER if counts['long_source'] + counts['long_target'] else ''}"
        )
    return index


LONGER = " Give longer limits, or shorter lines: sentences, not paragraphs."


class _Columns:
    """Arrays that grow at their ends, a file each."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._files: dict[str, BinaryIO] = {}
        self._columns: dict[str, dict[str, Any]] = {}

    def append(self, name: str, values: np.ndarray) -> None:
        if name not in self._files:
            self._files[name] = self._stack.enter_context((self._folder / f"{name}.bin").open("wb"))
            self._columns[name] = {"dtype": values.dtype.str, "size": 0, "checksum": 0}
        content, column = values.tobytes(), self._columns[name]
        self._files[name].write(content)
        column["size"] += len(values)
        column["checksum"] = zlib.crc32(content, column["checksum"])

    def describe(self, counts: dict[str, int]) -> None:
        """Writes what `PairIndex` reads first."""
        description = {"counts": counts, "columns": self._columns}
        (self._folder / DESCRIPTION).write_text(json.dumps(description, indent=2), encoding="utf-8")


class _Side:
    """Tokenises one side and appends it to its columns."""

    def __init__(
        self, name: str, tokenizer: Tokenizer, limit: int, keep_text: bool, columns: _Columns
    ) -> None:
        self.tokenizer = tokenizer
        self._name = name
        self._limit = limit or np.iinfo(np.int32).max
        self._keep_text = keep_text
        self._columns = columns
        self._dtype = np.uint16 if tokenizer.vocabulary_size <= 2**16 else np.int32
        self._ends = {"offsets": 0, "text_offsets": 0}
        columns.append(f"{name}_offsets", np.zeros(1, np.int64))
        if keep_text:
            columns.append(f"{name}_text_offsets", np.zeros(1, np.int64))

    def encode(
        self, texts: Sequence[str], ids: list[list[int]] | None = None
    ) -> tuple[list[list[int]], np.ndarray, np.ndarray]:
        """The ids, which of them are none, and which are too many; ids that are known already are not made again."""
        ids = self.tokenizer.encode(texts) if ids is None else ids
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        return ids, lengths == 0, lengths > self._limit

    def append(self, ids: Sequence[Sequence[int]], texts: Iterable[str]) -> None:
        rows = [row[: self._limit] for row in ids]
        lengths = np.fromiter(map(len, rows), np.int32, len(rows))
        values = np.fromiter(chain.from_iterable(rows), self._dtype, int(lengths.sum(dtype=np.int64)))
        self._append_ragged("ids", "offsets", values, lengths)
        self._columns.append(f"{self._name}_lengths", lengths)
        if self._keep_text:
            encoded = [text.encode("utf-8") for text in texts]
            lengths = np.fromiter(map(len, encoded), np.int32, len(encoded))
            values = np.frombuffer(b"".join(encoded), np.uint8)
            self._append_ragged("text", "text_offsets", values, lengths)

    def _append_ragged(self, name: str, offsets_name: str, values: np.ndarray, lengths: np.ndarray) -> None:
        offsets = self._ends[offsets_name] + np.cumsum(lengths, dtype=np.int64)
        self._columns.append(f"{self._name}_{name}", values)
        self._columns.append(f"{self._name}_{offsets_name}", offsets)
        self._ends[offsets_name] = int(offsets[-1]) if len(offsets) else self._ends[offsets_name]


def _write(
    reader: PairReader,
    sides: tuple[_Side, _Side],
    columns: _Columns,
    keep_all: bool,
    progress: Callable[[int], None] | None,
) -> None:
    source, target = sides
    counts = {"pairs": 0, "lines": 0, "empty": 0, "long_source": 0, "long_target": 0}
    for sources, targets in _chunks(reader.pairs()):
        source_ids, source_empty, source_long = source.encode(sources)
        is_copy = source.tokenizer is target.tokenizer and sources == targets
        target_ids, target_empty, target_long = target.encode(targets, source_ids if is_copy else None)
        empty = source_empty | target_empty
        if keep_all:
            keep = np.ones(len(sources), bool)
            source_ids = [row or [source.tokenizer.unknown_id] for row in source_ids]
        else:
            source_long &= ~empty  # each pair that is left out is counted once
            target_long &= ~(empty | source_long)
            keep = ~(empty | source_long | target_long)
        source.append(list(compress(source_ids, keep)), compress(sources, keep))
        target.append(list(compress(target_ids, keep)), compress(targets, keep))
        columns.append("line_numbers", counts["lines"] + np.flatnonzero(keep))
        counts["pairs"] += int(keep.sum())
        counts["lines"] += len(sources)
        counts["empty"] += int(empty.sum())
        counts["long_source"] += int(source_long.sum())
        counts["long_target"] += int(target_long.sum())
        if progress:
            progress(counts["lines"])
    columns.describe(counts)


def _chunks(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[list[str], list[str]]]:
    """So many pairs at a time that neither their number nor their text is much."""
    sources: list[str] = []
    targets: list[str] = []
    characters = 0
    for source, target in pairs:
        sources.append(source)
        targets.append(target)
        characters += len(source) + len(target)
        if len(sources) == CHUNK_PAIRS or characters >= CHUNK_CHARACTERS:
            yield sources, targets
            sources, targets, characters = [], [], 0
    if sources:
        yield sources, targets


def _open_complete(folder: Path) -> PairIndex | None:
    try:
        return PairIndex(folder)
    except (OSError, ValueError):
        return None


def _report(index: PairIndex, what: dict[str, str], name: str, keep_all: bool) -> None:
    counts, unit = index.counts, index.unit
    logger.info("%s: %s of %s %s", name, f"{counts['pairs']:,}", f"{counts['lines']:,}", unit)
    for reason, text in what.items():
        if counts[reason]:
            done = ("kept" if reason == "empty" else "cut there") if keep_all else "left out"
            logger.warning("%s: %s %s %s, %s", name, f"{counts[reason]:,}", unit, text, done)
