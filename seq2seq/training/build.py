"""From the configuration to the parts of the training loop."""

from __future__ import annotations

from pathlib import Path

from seq2seq.config.groups.optimizer import OptimizerConfig
from seq2seq.config.groups.training import TrainingConfig
from seq2seq.metrics.metric import MetricOrder
from seq2seq.training.optim.optimizers import SGD, Adam, AdamW, Optimizer
from seq2seq.training.optim.schedules import Constant, Cosine, InverseSquareRoot, Plateau, Schedule
from seq2seq.training.patience import Patience
from seq2seq.training.reports.profiler import Profiler


def run_length(config: TrainingConfig, steps_per_epoch: int) -> int:
    """The step that a run ends with, unless it is stopped early."""
    total = config.epochs * steps_per_epoch
    return min(total, config.max_steps or total)


def build_schedule(config: OptimizerConfig, total_steps: int) -> Schedule:
    """The learning rate by step; a plateau lowers a constant one from outside.

    Args:
      config: the optimizer's.
      total_steps: of a cosine whose configuration says 0.
    """
    schedule = config.schedule
    name, rate, warmup = str(schedule.name), config.learning_rate, schedule.warmup_steps
    if name == "inverse_sqrt":
        return InverseSquareRoot(rate, warmup)
    if name == "cosine":
        total = schedule.total_steps or total_steps
        return Cosine(rate, total, min(warmup, total // 2), minimum=schedule.minimum * rate)
    return Constant(rate, warmup)


def build_optimizer(config: OptimizerConfig, total_steps: int) -> Optimizer:
    """The optimizer with its schedule."""
    schedule = build_schedule(config, total_steps)
    name = str(config.name)
    if name == "sgd":
        return SGD(schedule, momentum=config.momentum)
    betas = {"beta_1": config.beta_1, "beta_2": config.beta_2, "epsilon": config.epsilon}
    if name == "adamw":
        return AdamW(schedule, weight_decay=config.weight_decay, **betas)
    return Adam(schedule, **betas)


def build_plateau(config: OptimizerConfig, order: MetricOrder) -> Plateau | None:
    """What lowers the learning rate when validations get no better; None with another schedule."""
    schedule = config.schedule
    if str(schedule.name) != "plateau":
        return None
    return Plateau(
        factor=schedule.factor,
        patience=schedule.patience,
        order=order,
        minimum_scale=schedule.minimum,
    )


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
