"""What the training data decides when a run starts: sizes before there are tokenizers, the run's length after that."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from seq2seq.config.auto import Decision, value_of, with_values
from seq2seq.config.groups.data import BatchType
from seq2seq.config.root import TrainConfig
from seq2seq.config.validate import problems_of, shown
from seq2seq.errors import ConfigError
from seq2seq.tasks.contract import Task
from seq2seq.tasks.sizes import MOST_UPDATES, given_length
from seq2seq.tasks.table import task_of
from seq2seq.tasks.training import TrainingTask
from seq2seq.training.build import run_length

logger = logging.getLogger(__name__)

TRAINING_SHARE = 0.8
"""Of the time; the rest is for validations."""

ENOUGH = 1200
"""Updates, for which batches are made smaller where time is limited."""

LEAST_BATCH = {BatchType.tokens: 1024, BatchType.examples: 16}

LENGTH = (
    "training.max_steps",
    "training.validate_every",
    "training.early_stopping.patience",
    "training.report_every",
)

BY_CLOCK = ("data.batch.size", *LENGTH)
"""What the speed of a machine may decide."""

REPORTS, REPORTS_EVERY = 15, (1, 2, 5, 10, 20, 50, 100)
"""A run has so many reports at least, so that a short one has curves, too; updates between two of them."""


def with_sizes(config: TrainConfig, task: Task) -> TrainConfig:
    """With the sizes that `config.auto` leaves to the data; the data is not read where there are none.

    Raises:
        ConfigError: they do not go together with what was given.
        UserError: the data cannot be read.
    """
    left = [key for key in config.auto if key not in LENGTH]
    return _decided(config, left, task.sizes() if left else {})


def as_decided(config: TrainConfig, saved: TrainConfig) -> TrainConfig:
    """With what the run that goes on has decided; how many updates it makes is not kept where epochs are given."""
    if type(saved.task) is not type(config.task):
        return config  # another run, of other keys, which is refused as that
    given = {"training.max_steps"} if config.training.epochs is not None else set()
    return with_values(config, {key: value_of(saved, key) for key in config.auto if key not in given})


def laid_out(
    config: TrainConfig,
    training: Callable[[TrainConfig], TrainingTask],
    seconds: Callable[[TrainConfig, TrainingTask], float],
) -> tuple[TrainConfig, TrainingTask]:
    """With the length that `config.auto` leaves to the data, and what trains so; one that is given decides alone.

    Where `training.max_minutes` has room for few updates only, batches that the data decided are made smaller: from the
    same time a model learns more by many updates on small batches than by few on large ones.

    Args:
        config: with its sizes.
        training: what makes and plans the batches of a configuration.
        seconds: how long a step takes, which is measured only where `training.max_minutes` asks for it.
    """
    planned = training(config)
    minutes = config.training.max_minutes
    if minutes is None or config.training.epochs is not None or "training.max_steps" not in config.auto:
        return with_length(config, planned.steps_per_epoch(0)), planned
    step = seconds(config, planned)
    size = _fitting_batch(config, _fitting_updates(minutes, step))
    if size < config.data.batch.size:
        config = with_values(config, {"data.batch.size": size})
        logger.info("Few updates fit into %g minutes: data.batch.size=%d", minutes, size)
        planned = training(config)
        step = seconds(config, planned)
    updates = _fitting_updates(minutes, step)
    logger.info("%g minutes have room for %s updates of %.2g s.", minutes, f"{updates:,}", step)
    return with_length(config, planned.steps_per_epoch(0), updates), planned


def _fitting_updates(minutes: float, step: float) -> int:
    """How many fit, each of so many seconds."""
    return int(60 * minutes * TRAINING_SHARE / step)


def _fitting_batch(config: TrainConfig, updates: int) -> int:
    """The size with which `ENOUGH` updates fit, or nearly so; a step is taken to be as long as its batch is large."""
    size, least = config.data.batch.size, LEAST_BATCH[config.data.batch.type]
    if "data.batch.size" not in config.auto:
        return size
    while updates < ENOUGH and size // 2 >= least:
        size, updates = size // 2, updates * 2
    return size


def with_length(config: TrainConfig, steps_per_epoch: int, updates: int = MOST_UPDATES) -> TrainConfig:
    """With the length that `config.auto` leaves to the data.

    Args:
        steps_per_epoch: as batches are planned.
        updates: for which there is time.
    """
    left = [key for key in config.auto if key in LENGTH]
    if config.training.epochs is not None or "training.max_steps" not in left:
        length = given_length(run_length(config.training, steps_per_epoch), steps_per_epoch)
    else:
        length = task_of(config).length(steps_per_epoch, min(updates, MOST_UPDATES))
    config = _decided(config, left, length)
    if "training.report_every" not in config.auto:
        return config
    steps = run_length(config.training, steps_per_epoch)
    every = max(often for often in REPORTS_EVERY if often == 1 or often * REPORTS <= steps)
    return with_values(config, {"training.report_every": every})


def _decided(config: TrainConfig, left: list[str], decisions: Mapping[str, Decision]) -> TrainConfig:
    chosen = {key: decisions[key] for key in left if key in decisions}
    config = with_values(config, {key: decision.value for key, decision in chosen.items()})
    if problems := problems_of(config):
        raise ConfigError(problems)
    for reason in dict.fromkeys(decision.reason for decision in chosen.values()):
        keys = [f"{key}={shown(it.value)}" for key, it in chosen.items() if it.reason == reason]
        logger.info("%s: %s", reason, ", ".join(keys))
    return config
