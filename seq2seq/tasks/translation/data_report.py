"""What `seq2seq check` says of pairs of lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np

from seq2seq.config.groups.data import DataConfig
from seq2seq.datasets.index.pair_index import IndexedSide, PairIndex
from seq2seq.datasets.readers.pair_reader import PairReader
from seq2seq.tasks.data_report import DataReport, left_out, left_out_notes, unknown_note, unknown_share
from seq2seq.tasks.readers import SPLITS, build_reader
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.text.tokenizer import Tokenizer


def describe(index: PairIndex, tokenizers: Tokenizers, data: DataConfig, split: str) -> DataReport:
    """How many pairs a split has, how long they are, and what looks wrong with them."""
    counts = index.counts
    read, used = counts["lines"], counts["pairs"]
    lines = [f"{split:<12} {read:,} pairs read, {used:,} used{left_out(counts, data, split)}"]
    notes = list(left_out_notes(counts, read, data, split))
    if counts["empty"]:
        notes.append(f"{counts['empty']:,} pairs of data.{split} have an empty side.")
    for name, side, tokenizer in _sides(index, tokenizers):
        middle, high = np.percentile(side.lengths, [50, 95])
        unknown = unknown_share(side.ids, tokenizer.unknown_id)
        lines.append(
            f"  {name:<10} {side.lengths.sum():,} tokens; a line has {middle:.0f} (median), {high:.0f} (95 %),"
            f" {side.lengths.max()} (most); {unknown:.2%} unknown"
        )
        notes += unknown_note(side.ids, tokenizer.unknown_id, f"data.{split}'s {name}")
    return DataReport(lines, notes)


def seen_in_training(data: DataConfig) -> Iterator[str]:
    """Held-out pairs that are training pairs too; memory grows with the held-out text alone."""
    held_out: dict[int, set[str]] = {}
    sizes: dict[str, int] = {}
    for split in SPLITS[1:]:
        for pair in _pairs(data, split):
            held_out.setdefault(hash(pair), set()).add(split)
            sizes[split] = sizes.get(split, 0) + 1
    seen: dict[str, set[int]] = {}
    for pair in _pairs(data, "train"):
        for split in held_out.get(hash(pair), ()):
            seen.setdefault(split, set()).add(hash(pair))
    for split, pairs in seen.items():
        yield f"{len(pairs):,} of the {sizes[split]:,} pairs of data.{split} are in data.train as well."


def _pairs(data: DataConfig, split: str) -> Iterator[tuple[str, str]]:
    reader = build_reader(data, split)
    return iter(()) if reader is None else cast(PairReader, reader).pairs()


def _sides(index: PairIndex, tokenizers: Tokenizers) -> Iterator[tuple[str, IndexedSide, Tokenizer]]:
    yield "source", index.source, tokenizers.source
    yield "target", index.target, tokenizers.target
