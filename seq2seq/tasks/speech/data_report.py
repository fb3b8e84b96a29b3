"""What `seq2seq check` says of utterances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from seq2seq.audio.reading import audio_info
from seq2seq.config.groups.speech_data import SpeechDataConfig
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.datasets.readers.utterance_reader import Utterance
from seq2seq.errors import UserError
from seq2seq.tasks.data_report import DataReport, left_out, left_out_notes
from seq2seq.tasks.faults.audio import AUDIO_FAULTS, Recordings, wrong_units
from seq2seq.tasks.faults.finding import Finding
from seq2seq.tasks.faults.lines import Lines
from seq2seq.tasks.faults.scripts import script_findings
from seq2seq.tasks.faults.style import CASE, ENDINGS, mixed_findings, split_findings

MAX_HEADERS = 200
"""Headers of audio that are read, evenly spaced, to see whether the lengths of a manifest are theirs."""


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


def manifest_faults(splits: Mapping[str, Sequence[Utterance]]) -> Iterator[str]:
    """What looks wrong with texts and lengths, each with an utterance.

    Args:
        splits: by name, train the first.
    """
    for finding in _manifest_findings(splits):
        yield finding.sentence(lambda split, row, _: _place(splits[split][row]))


def _manifest_findings(splits: Mapping[str, Sequence[Utterance]]) -> Iterator[Finding]:
    texts = {split: Lines() for split in splits}
    for split, utterances in splits.items():
        for utterance in utterances:
            texts[split].add(utterance.text)
        yield from texts[split].findings(split, "text", f"data.{split}'s text")
        for habit in (CASE, ENDINGS):
            yield from mixed_findings(habit, split, texts[split], "text", "text")
        yield from _unit_findings(split, utterances)
    for habit in (CASE, ENDINGS):
        yield from split_findings(habit, texts, "text", "text")
    yield from script_findings(texts, "text")


def _unit_findings(split: str, utterances: Sequence[Utterance]) -> Iterator[Finding]:
    rows = []
    infos = []
    whole = [
        row for row, utterance in enumerate(utterances) if utterance.start == 0.0 and utterance.end is None
    ]
    for row in whole[:: max(1, len(whole) // MAX_HEADERS)]:
        try:
            infos.append(audio_info(utterances[row].audio))
        except UserError:  # which is said where it is decoded
            continue
        rows.append(row)
    for finding in wrong_units(
        split,
        [utterances[row].seconds for row in rows],
        [i.seconds for i in infos],
        [i.sample_rate for i in infos],
    ):
        yield finding._replace(row=rows[finding.row])


def audio_faults(indices: Mapping[str, UtteranceIndex]) -> Iterator[str]:
    """What `AUDIO_FAULTS` finds, each with an utterance.

    Args:
        indices: by split, train the first.
    """
    splits = {split: _recordings(index) for split, index in indices.items()}
    for fault in AUDIO_FAULTS:
        for finding in fault(splits):
            yield finding.sentence(lambda split, row, _: _place(indices[split].utterances[row]))


def _recordings(index: UtteranceIndex) -> Recordings:
    return Recordings(
        np.array([utterance.seconds for utterance in index.utterances]),
        np.array([len(utterance.text) for utterance in index.utterances]),
        lambda row: index.readable(row)[1],
        index.waveforms.sample_rate,
    )


def _place(utterance: Utterance) -> str:
    return f"{utterance.id} ({utterance.audio})"
