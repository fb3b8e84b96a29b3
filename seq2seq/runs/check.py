"""What `seq2seq check` reports: the data as training would see it, and what looks wrong with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seq2seq.config.schema import DataConfig, SpeechDataConfig, SpeechModelConfig, TrainConfig
from seq2seq.datasets.build import SPLITS, build_reader
from seq2seq.datasets.index.pair_index import IndexedSide, PairIndex
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.datasets.readers.pair_reader import PairReader
from seq2seq.hardware.devices import configure
from seq2seq.runs.use import build_model, parameters
from seq2seq.tasks.build import (
    Tokenizers,
    build_task,
    make_pair_index,
    make_tokenizers,
    make_utterance_index,
    pair_reader,
    require_scorer,
)
from seq2seq.text.tokenizer import Tokenizer

MOST_LEFT_OUT = 0.05
"""More training pairs than this share left out is worth a note."""

MOST_UNKNOWN = 0.01
"""More unknown pieces than this share of a text is worth a note."""


LIMITS = {
    "long_source": "max_source_length",
    "long_target": "max_target_length",
    "long_audio": "max_seconds",
    "long_text": "max_target_length",
}
"""Why a training example is left out, and by which key of data."""


def report(config: TrainConfig) -> Iterator[str]:
    """Reads everything that training would read, in a folder that is gone afterwards, and trains nothing.

    Yields:
        lines of text, the last of them what looks wrong.

    Raises:
        UserError: training would refuse the data or the configuration.
    """
    runs_on = configure(config.hardware, training=False).description
    require_scorer(config.task)
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="seq2seq-check-") as name:
        folder = Path(name)
        tokenizers = make_tokenizers(config.data, folder, config.seed)
        for split in SPLITS:
            if build_reader(config.data, split) is None:
                notes.append(f"data.{split} names no file; nothing will be measured on it.")
                continue
            if isinstance(config.data, SpeechDataConfig):
                utterances = _utterance_index(config, tokenizers, split, folder / "index")
                yield from _describe_utterances(utterances, config.data, split)
                notes += _left_out_notes(utterances.counts, config.data, split)
                continue
            index = make_pair_index(config.data, tokenizers, split, folder / "index")
            yield from _describe(index, tokenizers, config.data, split)
            notes += _left_out_notes(index.counts, config.data, split)
            notes += _index_notes(index, tokenizers, split)
        if not isinstance(config.data, SpeechDataConfig):
            notes += _seen_in_training(config.data)
        task = build_task(config, tokenizers, folder / "index")
        notes += [f"data.val: {note}" for note in task.notes()]
        steps = task.steps_per_epoch(0)
        yield f"vocabulary   source {tokenizers.source.vocabulary_size:,}, target {_size(tokenizers)}"
        yield f"an epoch     {steps:,} steps of data.batch.size={config.data.batch.size} {config.data.batch.type}"
        model = build_model(config, tokenizers)
        yield f"the model    {parameters(model):,} parameters, on {runs_on}"
    yield from (f"note: {note}" for note in notes)
    if not notes:
        yield "Nothing looks wrong."


def _utterance_index(config: TrainConfig, tokenizers: Tokenizers, split: str, folder: Path) -> UtteranceIndex:
    assert isinstance(config.data, SpeechDataConfig)
    assert isinstance(config.model, SpeechModelConfig)
    return make_utterance_index(config.data, config.model.features, tokenizers, split, folder)


def _describe_utterances(index: UtteranceIndex, data: SpeechDataConfig, split: str) -> Iterator[str]:
    seconds = np.array([utterance.seconds for utterance in index.utterances])
    counts, lengths = index.counts, index.target.lengths
    yield (
        f"{split:<12} {counts['read']:,} utterances read, {len(index):,} used{_left_out(counts, data, split)};"
        f" {seconds.sum() / 60:.1f} minutes"
    )
    yield (
        f"  one has    {np.median(seconds):.1f} s (median), {seconds.max():.1f} s (most);"
        f" {np.median(lengths):.0f} tokens (median), {lengths.max()} (most)"
    )


def _left_out(counts: dict[str, int], data: DataConfig, split: str) -> str:
    reasons = {"broken": "broken"}
    if split == "train":
        reasons["empty"] = "empty"
        reasons.update({reason: f"longer than {_shown(data, key)}" for reason, key in LIMITS.items()})
    left_out = [f"{counts[reason]:,} {text}" for reason, text in reasons.items() if counts.get(reason)]
    return f"; left out: {', '.join(left_out)}" if left_out else ""


def _shown(data: DataConfig, key: str) -> str:
    return f"data.{key}={getattr(data, key, 0):g}"


def _describe(index: PairIndex, tokenizers: Tokenizers, data: DataConfig, split: str) -> Iterator[str]:
    counts = index.counts
    yield (
        f"{split:<12} {counts['lines']:,} pairs read, {counts['pairs']:,} used{_left_out(counts, data, split)}"
    )
    for name, side, tokenizer in _sides(index, tokenizers):
        middle, high = np.percentile(side.lengths, [50, 95])
        unknown = _unknown_share(side, tokenizer.unknown_id)
        yield (
            f"  {name:<10} {side.lengths.sum():,} tokens; a line has {middle:.0f} (median), {high:.0f} (95 %),"
            f" {side.lengths.max()} (most); {unknown:.2%} unknown"
        )


def _left_out_notes(counts: dict[str, int], data: DataConfig, split: str) -> Iterator[str]:
    """Limits that leave out much of the training data, each by its key and value."""
    read = counts["lines"] if "lines" in counts else counts["read"]
    for reason, key in LIMITS.items():
        share = counts.get(reason, 0) / max(read, 1)
        if split == "train" and share > MOST_LEFT_OUT:
            yield (
                f"{_shown(data, key)} leaves out {counts[reason]:,} of {read:,} training examples"
                f" ({share:.0%}), which are longer."
            )


def _index_notes(index: PairIndex, tokenizers: Tokenizers, split: str) -> Iterator[str]:
    counts = index.counts
    if counts["empty"]:
        yield f"{counts['empty']:,} pairs of data.{split} have an empty side."
    for name, side, tokenizer in _sides(index, tokenizers):
        unknown = _unknown_share(side, tokenizer.unknown_id)
        if unknown > MOST_UNKNOWN:
            yield (
                f"{unknown:.1%} of data.{split}'s {name} tokens are unknown; a larger"
                " data.tokenizer.vocabulary_size, or kind unigram or bpe, would read more of it."
            )


def _seen_in_training(data: DataConfig) -> Iterator[str]:
    """Held-out pairs that are training pairs too; memory grows with the held-out text alone."""
    held_out: dict[int, set[str]] = {}
    sizes: dict[str, int] = {}
    for split in SPLITS[1:]:
        reader = build_reader(data, split)
        for pair in reader.pairs() if isinstance(reader, PairReader) else ():
            held_out.setdefault(hash(pair), set()).add(split)
            sizes[split] = sizes.get(split, 0) + 1
    seen: dict[str, set[int]] = {}
    for pair in pair_reader(data, "train").pairs():
        for split in held_out.get(hash(pair), ()):
            seen.setdefault(split, set()).add(hash(pair))
    for split, pairs in seen.items():
        yield f"{len(pairs):,} of the {sizes[split]:,} pairs of data.{split} are in data.train as well."


def _sides(index: PairIndex, tokenizers: Tokenizers) -> Iterator[tuple[str, IndexedSide, Tokenizer]]:
    yield "source", index.source, tokenizers.source
    yield "target", index.target, tokenizers.target


def _unknown_share(side: IndexedSide, unknown_id: int) -> float:
    return float((np.asarray(side.ids) == unknown_id).mean()) if len(side.ids) else 0.0


def _size(tokenizers: Tokenizers) -> str:
    shared = tokenizers.source is tokenizers.target
    return "the same" if shared else f"{tokenizers.target.vocabulary_size:,}"
