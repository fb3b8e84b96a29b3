"""What `seq2seq check` says of lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from seq2seq.config.groups.data import DataConfig
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.datasets.readers.pair_reader import PairReader, place_of_pair
from seq2seq.tasks.data_report import DataReport, left_out, left_out_notes, unknown_note, unknown_share
from seq2seq.tasks.faults.finding import exceeds, share_of
from seq2seq.tasks.faults.pairs import MAX_SHORT_SEEN
from seq2seq.text.tokenizer import Tokenizer

MAX_REPEATED = 0.2
"""More training lines than this part that were there before are worth a note."""


def describe(index: PairIndex, tokenizer: Tokenizer, data: DataConfig, split: str) -> DataReport:
    """How many lines a split has, how long they are, and what looks wrong with them."""
    counts, side = index.counts, index.target
    read, used = counts["lines"], counts["pairs"]
    middle, high = np.percentile(side.lengths, [50, 95])
    unknown = unknown_share(side.ids, tokenizer.unknown_id)
    lines = [
        f"{split:<12} {read:,} lines read, {used:,} used{left_out(counts, data, split)}",
        f"  text       {side.lengths.sum():,} tokens; a line has {middle:.0f} (median), {high:.0f} (95 %),"
        f" {side.lengths.max()} (most); {unknown:.2%} unknown",
    ]
    notes = list(left_out_notes(counts, read, data, split))
    notes += unknown_note(side.ids, tokenizer, f"data.{split}'s")
    return DataReport(lines, notes)


def line_faults(readers: Mapping[str, PairReader]) -> Iterator[str]:
    """Lines that are there twice, and lines to measure on that are in training, too.

    Args:
      readers: by split, train the first. Memory holds a number for each different line of training.
    """
    known: set[int] = set()
    first_repeated, count = None, 0
    for count, (line, _) in enumerate(readers["train"].pairs(), start=1):
        if first_repeated is None and hash(line) in known:
            first_repeated = count - 1
        known.add(hash(line))
    repeated = count - len(known)
    if first_repeated is not None and exceeds(repeated, count, MAX_REPEATED):
        fact = share_of(repeated, count, "lines of data.train", "are there more than once")
        yield f"{fact}, such as {place_of_pair(readers['train'], first_repeated)}: the model learns these by heart."
    for split, reader in readers.items():
        if split == "train":
            continue
        rows = [hash(line) in known for line, _ in reader.pairs()]
        seen = sum(rows)
        if exceeds(seen, len(rows), MAX_SHORT_SEEN):
            fact = share_of(seen, len(rows), f"lines of data.{split}", "are in data.train as well")
            yield (
                f"{fact}, such as {place_of_pair(reader, rows.index(True))}: remove them from data.train, or what is"
                " measured is what was learnt by heart."
            )
