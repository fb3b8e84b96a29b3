"""What `seq2seq check` reports: the data as training would see it, and what looks wrong with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from seq2seq.config.auto import value_of
from seq2seq.config.root import TrainConfig
from seq2seq.config.validate import shown
from seq2seq.datasets.batches.stream import ReplicaSharding
from seq2seq.errors import UserError
from seq2seq.hardware.devices import configure, uses_gpu
from seq2seq.runs.combined import refuse_in_training
from seq2seq.runs.estimate import estimate, step_seconds
from seq2seq.runs.sizes import laid_out, with_sizes
from seq2seq.runs.use import parameters
from seq2seq.runs.warm_start import take_weights
from seq2seq.tasks.contract import Index, Task
from seq2seq.tasks.readers import SPLITS, build_reader
from seq2seq.tasks.table import task_of
from seq2seq.tasks.tokenizers import Tokenizers


def report(config: TrainConfig, *, steps: bool = True) -> Iterator[str]:
    """Reads everything that training would read and makes a few of its steps, in a folder that is gone afterwards.

    Args:
        config: of the run that is to be.
        steps: whether steps are made, which tell how long training takes and how much memory.

    Yields:
        lines of text, the last of them what looks wrong.

    Raises:
        UserError: training would refuse the data or the configuration.
    """
    refuse_in_training(config.search)
    runs_on = configure(config.hardware, training=False).description
    task = task_of(config)
    task.require_installed()
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="seq2seq-check-") as name:
        try:
            yield from _look(task, Path(name), notes, runs_on, steps)
        except UserError:  # of which what was seen before may be the cause
            yield from (f"note: {note}" for note in notes)
            raise
    yield from (f"note: {note}" for note in notes)
    if not notes:
        yield "Nothing looks wrong."


def _look(task: Task, folder: Path, notes: list[str], runs_on: str, steps: bool) -> Iterator[str]:
    """What there is to say, and in `notes` what looks wrong."""
    task.reader("train")  # which tokenizers that are given would not ask for
    notes += task.faults_of_files()
    config = with_sizes(task.config, task)
    task = task_of(config)
    tokenizers = task.make_tokenizers(folder)
    indices: dict[str, Index] = {}
    for split in SPLITS:
        if build_reader(config.data, split) is None:
            notes.append(f"data.{split} names no file; nothing will be measured on it.")
            continue
        indices[split] = task.index(tokenizers, split, folder / "index")
        described = task.describe(indices[split], tokenizers, split)
        yield from described.lines
        notes += described.notes
    notes += task.faults_of_indices(indices)
    sharding = ReplicaSharding(micro_batches=config.training.accumulate)
    model = task.model(tokenizers, gpu=uses_gpu())
    yield from (f"init         {line}" for line in take_weights(config, tokenizers, model))
    config, training = laid_out(
        config,
        lambda config: task_of(config).training(tokenizers, folder / "index", sharding),
        lambda config, training: step_seconds(config, training, model),
    )
    notes += [f"data.val: {note}" for note in training.notes()]
    batch = config.data.batch
    yield f"vocabulary   source {tokenizers.source.vocabulary_size:,}, target {_size(tokenizers)}"
    if config.auto:
        yield "decided      " + ", ".join(f"{key}={shown(value_of(config, key))}" for key in config.auto)
    yield f"an epoch     {training.steps_per_epoch(0):,} steps of data.batch.size={batch.size} {batch.type}"
    yield f"the model    {parameters(model):,} parameters, on {runs_on}"
    if steps:
        yield f"a step       {estimate(config, training, model, indices['train']).in_words()}"


def _size(tokenizers: Tokenizers) -> str:
    shared = tokenizers.source is tokenizers.target
    return "the same" if shared else f"{tokenizers.target.vocabulary_size:,}"
