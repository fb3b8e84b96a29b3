"""From the configuration to the parts of the training loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seq2seq.config.groups.optimizer import OPTIMIZERS, SCHEDULES, OptimizerConfig
from seq2seq.config.groups.training import TrainingConfig
from seq2seq.metrics.metric import MetricOrder
from seq2seq.training.optim.optimizers import Optimizer
from seq2seq.training.optim.schedules import Schedule
from seq2seq.training.patience import Patience
from seq2seq.training.reports.profiler import Profiler


def run_length(config: TrainingConfig, steps_per_epoch: int) -> int:
    """The step that a run ends with, unless it is stopped early."""
    ends = [config.epochs and config.epochs * steps_per_epoch, config.max_steps]
    return min(end for end in ends if end)


def build_schedule(config: OptimizerConfig, total_steps: int) -> Schedule:
    """The learning rate by step.

    Args:
      config: the optimizer's.
      total_steps: of a schedule whose configuration says 0.

    Raises:
      UserError: ``optimizer.schedule.options`` are not its.
    """
    schedule = replace(config.schedule, total_steps=config.schedule.total_steps or total_steps)
    part = SCHEDULES[schedule.name]
    return part.bind(schedule, "optimizer.schedule", "learning_rate")(learning_rate=config.learning_rate)


def build_optimizer(config: OptimizerConfig, total_steps: int) -> Optimizer:
    """The optimizer with its schedule.

    Raises:
      UserError: ``optimizer.options`` are not its.
    """
    part = OPTIMIZERS[config.name]
    return part.bind(config, "optimizer", "schedule")(schedule=build_schedule(config, total_steps))


def build_early_stopping(config: TrainingConfig, order: MetricOrder) -> Patience | None:
    """What ends a run early; None where ``training.early_stopping.patience`` is 0."""
    options = config.early_stopping
    if not options.patience:
        return None
    return Patience(patience=options.patience, order=order, min_delta=options.min_delta)


def build_profiler(steps: str, directory: Path) -> Profiler:
    """What traces the steps of ``training.profile``, START:STOP."""
    first, last = map(int, steps.split(":"))
    return Profiler(directory, first, last)
