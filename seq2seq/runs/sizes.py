"""What the training data decides when a run starts: sizes before there are tokenizers, the run's length after that."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from seq2seq.config.auto import Decision, value_of, with_values
from seq2seq.config.root import TrainConfig
from seq2seq.config.validate import problems_of, shown
from seq2seq.errors import ConfigError
from seq2seq.tasks.contract import Task
from seq2seq.tasks.sizes import MOST_UPDATES, given_length
from seq2seq.training.build import run_length

logger = logging.getLogger(__name__)

TRAINING_SHARE = 0.8
"""Of the time; the rest is for validations."""

LENGTH = (
    "training.max_steps",
    "training.validate_every",
    "training.early_stopping.patience",
    "training.report_every",
)

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


def with_length(
    config: TrainConfig, task: Task, steps_per_epoch: int, seconds: Callable[[], float]
) -> TrainConfig:
    """With the length that `config.auto` leaves to the data; one that is given decides alone.

    Args:
        config: with its sizes.
        task: of that.
        steps_per_epoch: as batches are planned.
        seconds: how long a step takes, which is measured only where `training.max_minutes` asks for it.
    """
    config = _with_length(config, task, steps_per_epoch, seconds)
    if "training.report_every" not in config.auto:
        return config
    updates = run_length(config.training, steps_per_epoch)
    every = max(often for often in REPORTS_EVERY if often == 1 or often * REPORTS <= updates)
    return with_values(config, {"training.report_every": every})


def _with_length(
    config: TrainConfig, task: Task, steps_per_epoch: int, seconds: Callable[[], float]
) -> TrainConfig:
    left = [key for key in config.auto if key in LENGTH]
    if config.training.epochs is not None or "training.max_steps" not in left:
        return _decided(
            config, left, given_length(run_length(config.training, steps_per_epoch), steps_per_epoch)
        )
    minutes = config.training.max_minutes
    if minutes is None:
        return _decided(config, left, task.length(steps_per_epoch))
    step = seconds()
    fitting = int(60 * minutes * TRAINING_SHARE / step)
    logger.info("%g minutes have room for %s updates of %.2g s.", minutes, f"{fitting:,}", step)
    return _decided(config, left, task.length(steps_per_epoch, min(fitting, MOST_UPDATES)))


def _decided(config: TrainConfig, left: list[str], decisions: Mapping[str, Decision]) -> TrainConfig:
    chosen = {key: decisions[key] for key in left if key in decisions}
    config = with_values(config, {key: decision.value for key, decision in chosen.items()})
    if problems := problems_of(config):
        raise ConfigError(problems)
    for reason in dict.fromkeys(decision.reason for decision in chosen.values()):
        keys = [f"{key}={shown(it.value)}" for key, it in chosen.items() if it.reason == reason]
        logger.info("%s: %s", reason, ", ".join(keys))
    return config
