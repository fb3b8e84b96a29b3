"""What `seq2seq check` says of pairs of lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from seq2seq.config.groups.data import DataConfig
from seq2seq.datasets.index.pair_index import IndexedSide, PairIndex
from seq2seq.datasets.readers.pair_reader import PairReader, place_of_pair
from seq2seq.tasks.data_report import DataReport, left_out, left_out_notes, unknown_note, unknown_share
from seq2seq.tasks.faults.pairs import PAIR_FAULTS, Pairs
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.text.tokenizer import Tokenizer


def describe(index: PairIndex, tokenizers: Tokenizers, data: DataConfig, split: str) -> DataReport:
    """How many pairs a split has, how long they are, and what looks wrong with them."""
    counts = index.counts
    read, used = counts["lines"], counts["pairs"]
    lines = [f"{split:<12} {read:,} pairs read, {used:,} used{left_out(counts, data, split)}"]
    notes = list(left_out_notes(counts, read, data, split))
    for name, side, tokenizer in _sides(index, tokenizers):
        middle, high = np.percentile(side.lengths, [50, 95])
        unknown = unknown_share(side.ids, tokenizer.unknown_id)
        lines.append(
            f"  {name:<10} {side.lengths.sum():,} tokens; a line has {middle:.0f} (median), {high:.0f} (95 %),"
            f" {side.lengths.max()} (most); {unknown:.2%} unknown"
        )
        notes += unknown_note(side.ids, tokenizer, f"data.{split}'s {name}")
    return DataReport(lines, notes)


def pair_faults(readers: Mapping[str, PairReader]) -> Iterator[str]:
    """What `PAIR_FAULTS` finds, each with a place in the files; memory holds 40 bytes of each pair.

    Args:
        readers: by split, train the first.
    """
    splits = {split: Pairs(reader.pairs()) for split, reader in readers.items()}
    for fault in PAIR_FAULTS:
        for finding in fault(splits):
            yield finding.sentence(lambda split, row, side: place_of_pair(readers[split], row, side))


def _sides(index: PairIndex, tokenizers: Tokenizers) -> Iterator[tuple[str, IndexedSide, Tokenizer]]:
    yield "source", index.source, tokenizers.source
    yield "target", index.target, tokenizers.target
