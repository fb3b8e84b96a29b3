"""What `seq2seq check` says of utterances."""

from __future__ import annotations

import numpy as np

from seq2seq.config.groups.speech_data import SpeechDataConfig
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.tasks.data_report import DataReport, left_out, left_out_notes


def describe(index: UtteranceIndex, data: SpeechDataConfig, split: str) -> DataReport:
    """How many utterances a split has and how long they are."""
    seconds = np.array([utterance.seconds for utterance in index.utterances])
    counts, lengths = index.counts, index.target.lengths
    lines = [
        f"{split:<12} {counts['read']:,} utterances read, {len(index):,} used{left_out(counts, data, split)};"
        f" {seconds.sum() / 60:.1f} minutes",
        f"  one has    {np.median(seconds):.1f} s (median), {seconds.max():.1f} s (most);"
        f" {np.median(lengths):.0f} tokens (median), {lengths.max()} (most)",
    ]
    return DataReport(lines, list(left_out_notes(counts, counts["read"], data, split)))
