"""What `seq2seq check` reports: the data as training would see it, and what looks wrong with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from seq2seq.config.root import TrainConfig
from seq2seq.hardware.devices import configure, uses_gpu
from seq2seq.runs.use import parameters
from seq2seq.tasks.readers import SPLITS, build_reader
from seq2seq.tasks.table import task_of
from seq2seq.tasks.tokenizers import Tokenizers


def report(config: TrainConfig) -> Iterator[str]:
    """Reads everything that training would read, in a folder that is gone afterwards, and trains nothing.

    Yields:
        lines of text, the last of them what looks wrong.

    Raises:
        UserError: training would refuse the data or the configuration.
    """
    runs_on = configure(config.hardware, training=False).description
    task = task_of(config)
    task.require_installed()
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="seq2seq-check-") as name:
        folder = Path(name)
        task.reader("train")  # which tokenizers that are given would not ask for
        notes += task.faults_of_files()
        tokenizers = task.make_tokenizers(folder)
        for split in SPLITS:
            if build_reader(config.data, split) is None:
                notes.append(f"data.{split} names no file; nothing will be measured on it.")
                continue
            described = task.describe(task.index(tokenizers, split, folder / "index"), tokenizers, split)
            yield from described.lines
            notes += described.notes
        notes += task.describe_splits()
        training = task.training(tokenizers, folder / "index")
        notes += [f"data.val: {note}" for note in training.notes()]
        steps = training.steps_per_epoch(0)
        yield f"vocabulary   source {tokenizers.source.vocabulary_size:,}, target {_size(tokenizers)}"
        yield f"an epoch     {steps:,} steps of data.batch.size={config.data.batch.size} {config.data.batch.type}"
        model = task.model(tokenizers, gpu=uses_gpu())
        yield f"the model    {parameters(model):,} parameters, on {runs_on}"
    yield from (f"note: {note}" for note in notes)
    if not notes:
        yield "Nothing looks wrong."


def _size(tokenizers: Tokenizers) -> str:
    shared = tokenizers.source is tokenizers.target
    return "the same" if shared else f"{tokenizers.target.vocabulary_size:,}"
