"""A trained run with its weights, for whoever uses it: to predict, to begin another run with, to decide together."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from seq2seq.config.groups.masking import MaskingConfig
from seq2seq.config.root import TrainConfig
from seq2seq.config.run_file import source_of
from seq2seq.config.saved import load
from seq2seq.errors import UserError
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.resume import refuse_other_tokenizers
from seq2seq.tasks.table import task_of
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.training.checkpoints.store import Checkpoint, CheckpointStore

logger = logging.getLogger(__name__)


class Opened(NamedTuple):
    """A run whose weights are in memory.

    Attributes:
      name: of the run and the checkpoint, for people.
      config, tokenizers: of the run.
      model: with its weights.
    """

    name: str
    config: TrainConfig
    tokenizers: Tokenizers
    model: Any


def find_checkpoint(folder: RunFolder, name: str | None = None) -> Checkpoint:
    """A checkpoint of a run by its name, as for ``seq2seq.runs.use.load_run``.

    Raises:
      UserError: there is none, or it is damaged.
    """
    store = CheckpointStore(folder.checkpoints)
    if name is not None:
        return store.find(name)
    chosen = str(folder.read_summary().get("checkpoint", "best"))
    try:
        return store.find(chosen)
    except UserError as error:
        if chosen == "best":
            raise
        logger.warning("%s The best checkpoint is taken in its place.", error)
        return store.find("best")


def restore(folder: RunFolder, config: TrainConfig, checkpoint: Checkpoint, *, gpu: bool = False) -> Opened:
    """The model of a run with the weights of a checkpoint.

    Args:
      folder, config, checkpoint: of the run.
      gpu: whether a GPU computes, for the choice of kernels.

    Raises:
      UserError: the tokenizers are not those that it was trained with, or the checkpoint is damaged.
    """
    task = task_of(config)
    tokenizers = task.load_tokenizers(folder.tokenizer)
    store = CheckpointStore(folder.checkpoints)
    refuse_other_tokenizers(tokenizers, store, folder.path)
    model = task.model(tokenizers, gpu=gpu)
    store.restore_weights(model, checkpoint.path.absolute())
    return Opened(f"{_shown(folder.path)} ({checkpoint.path.name})", config, tokenizers, model)


def open_source(path: str, *, masking: MaskingConfig | None = None, gpu: bool = False) -> Opened | None:
    """The run that RUN, or RUN/checkpoints/NAME, stands for; None where there is none.

    Args:
      path: RUN means the weights that ``seq2seq predict RUN`` uses.
      masking: what happens to padding; None: as the run has it.
      gpu: see ``restore``.

    Raises:
      UserError: there is no such checkpoint, or what is there cannot be used.
    """
    source = source_of(Path(path).expanduser())
    if source is None:
        return None
    folder = RunFolder.open(source.run)
    config = load(folder.config)
    if masking is not None:
        config = replace(config, masking=masking)
    return restore(folder, config, find_checkpoint(folder, source.checkpoint), gpu=gpu)


def _shown(run: Path) -> str:
    """As it is seen from here, where it is below."""
    here = Path.cwd()
    return str(run.relative_to(here)) if here in run.parents else str(run)
