"""What `seq2seq check` says of texts with labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from seq2seq.config.groups.data import DataConfig
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.datasets.readers.lines import cut, listed
from seq2seq.datasets.readers.pair_reader import PairReader, place_of_pair
from seq2seq.tasks.classification.labels import count_labels
from seq2seq.tasks.data_report import DataReport, unknown_note, unknown_share
from seq2seq.tasks.faults.finding import exceeds, share_of
from seq2seq.tasks.faults.pairs import MAX_SHORT_SEEN
from seq2seq.tasks.tokenizers import Tokenizers

MOST_LABELS = 20
"""Whose shares are told."""

MAX_CUT = 0.05
"""More texts than this part that are cut are worth a note."""

MAX_LABELS = 0.5
"""Of the texts: more labels are none."""


def describe(index: PairIndex, tokenizers: Tokenizers, data: DataConfig, split: str) -> DataReport:
    """How many texts a split has, how long they are, which labels they have, and what looks wrong with them."""
    texts, long = len(index), index.counts["long_source"]
    unknown = unknown_share(index.source.ids, tokenizers.source.unknown_id)
    middle, high = np.percentile(index.source.lengths, [50, 95])
    cut_there = f"; {long:,} cut at data.max_source_length={data.max_source_length}" if long else ""
    counts = Counter(tokenizers.target.pieces(np.asarray(index.target.ids).tolist()))
    shares = [
        f"{cut(label, 40)} {count:,} ({count / texts:.1%})"
        for label, count in counts.most_common(MOST_LABELS)
    ]
    more = f" … and {len(counts) - MOST_LABELS:,} more" if len(counts) > MOST_LABELS else ""
    lines = [
        f"{split:<12} {texts:,} texts{cut_there}",
        f"  text       {index.source.lengths.sum():,} tokens; a text has {middle:.0f} (median), {high:.0f} (95 %),"
        f" {index.source.lengths.max()} (most); {unknown:.2%} unknown",
        f"  labels     {', '.join(shares)}{more}",
    ]
    notes = list(unknown_note(index.source.ids, tokenizers.source, f"data.{split}'s"))
    if exceeds(long, texts, MAX_CUT):
        notes.append(
            f"{share_of(long, texts, f'texts of data.{split}', 'are')} longer than"
            f" data.max_source_length={data.max_source_length} tokens; what comes after is not read."
        )
    return DataReport(lines, notes)


def label_faults(readers: Mapping[str, PairReader]) -> Iterator[str]:
    """What looks wrong with labels, and texts that are in training, too.

    Args:
      readers: by split, train the first.
    """
    train = readers["train"]
    known, texts = count_labels(train), {hash(text) for text, _ in train.pairs()}
    count = sum(known.values())
    if exceeds(len(known), count, MAX_LABELS):
        yield (
            f"data.train has {len(known):,} labels in {count:,} texts, such as {cut(next(iter(known)), 40)}: a line is"
            " a label, a tab and a text, in this order."
        )
    for split, reader in readers.items():
        if split == "train":
            continue
        counts = count_labels(reader)
        unseen = sorted(counts.keys() - known.keys())
        if unseen:
            yield (
                f"data.{split} has labels that the training data does not have: {listed(unseen)}; remove or rename"
                " them."
            )
        missing = sorted(known.keys() - counts.keys())
        if missing:
            yield f"data.{split} has no text with a label of the training data's: {listed(missing)}."
        seen = [row for row, (text, _) in enumerate(reader.pairs()) if hash(text) in texts]
        if exceeds(len(seen), sum(counts.values()), MAX_SHORT_SEEN):
            fact = share_of(
                len(seen), sum(counts.values()), f"texts of data.{split}", "are in data.train as well"
            )
            yield (
                f"{fact}, such as {place_of_pair(reader, seen[0])}: remove them from data.train, or what is measured is"
                " what was learnt by heart."
            )
