"""How long training will take and how much memory, from a few of its steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from seq2seq.config.root import TrainConfig
from seq2seq.hardware.devices import device_memory
from seq2seq.keras2 import keras
from seq2seq.tasks.batching import shape_count
from seq2seq.tasks.contract import Index
from seq2seq.tasks.training import TrainingTask
from seq2seq.training.build import build_optimizer, run_length
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.reports.memory import peak_memory
from seq2seq.training.step import StepOptions, TrainStep

SECONDS, MIN_STEPS, MAX_STEPS = 5.0, 2, 30
"""How long steps are timed, and how many at least and at most; the first one, which makes the graph, comes before."""


class Estimate(NamedTuple):
    """What training costs.

    Attributes:
      step: seconds of a step, on average.
      tokens_per_second: real ones, as training reports them.
      steps: of the whole run, unless it is stopped early.
      memory: MiB that this process took at most, of GPUs where there are any.
    """

    step: float
    tokens_per_second: float
    steps: int
    memory: float

    def in_words(self) -> str:
        memory = f"{self.memory / 1024:.1f} GB" if self.memory else "an unknown amount"
        return (
            f"{_rounded(self.step)} here ({self.tokens_per_second:,.0f} tokens/s); {self.steps:,} steps take"
            f" {_rounded(self.step * self.steps)}, validations aside, and {memory} of memory"
        )


def estimate(config: TrainConfig, training: TrainingTask, model: keras.Model, train: Index) -> Estimate:
    """Trains a model for a few steps, that of the largest batch first, since it takes most memory; keeps nothing.

    Args:
      config: of the run.
      training: its batches and loss.
      model: new.
      train: the index that the batches are of.
    """
    steps = run_length(config.training, training.steps_per_epoch(0))
    step = _build_step(config, training, model)
    next(_timed(step, training, training.plan(0).largest(train.sizes)))
    seconds, speed = _speed(step, training)
    memory = sum(device_memory()) or peak_memory()
    return Estimate(seconds, speed, steps, memory)


def step_seconds(config: TrainConfig, training: TrainingTask, model: keras.Model) -> float:
    """How long a step takes, on average; arguments as for `estimate`."""
    return _speed(_build_step(config, training, model), training)[0]


def _speed(step: TrainStep, training: TrainingTask) -> tuple[float, float]:
    """Seconds of a step and tokens in a second."""
    seconds = tokens = count = 0.0
    started = time.perf_counter()
    twice = chain.from_iterable(
        _timed(step, training, 0) for _ in range(2)
    )  # all graphs are there the second time
    for batch_seconds, batch_tokens in twice:
        if batch_seconds is not None:
            seconds, tokens, count = seconds + batch_seconds, tokens + batch_tokens, count + 1
        if count >= MIN_STEPS and (count >= MAX_STEPS or time.perf_counter() - started > SECONDS):
            break
    return seconds / count, tokens / seconds


def _build_step(config: TrainConfig, training: TrainingTask, model: keras.Model) -> TrainStep:
    """As training makes it, on one device; the rate, which does not matter here, falls over a thousand steps."""
    optimizer = build_optimizer(config.optimizer, 1000)
    optimizer.build(model.trainable_variables)
    training.follow(optimizer.step)
    average = MovingAverage(config.training.ema_decay) if config.training.ema_decay else None
    if average is not None:
        average.build(model.trainable_variables)
    return TrainStep(
        model=model,
        loss=training.loss,
        optimizer=optimizer,
        options=StepOptions(
            clip_norm=config.optimizer.clip_norm or None,
            l2=config.optimizer.l2,
            accumulate=config.training.accumulate,
            seed=config.seed,
            jit_compile=config.hardware.xla,
            full_batch=training.full_batch,
        ),
        average=average,
        signature=None if shape_count(config.masking) else training.batches(0, 0).element_spec[0],
        carried=training.carried_state(model),
    )


def _timed(step: TrainStep, training: TrainingTask, first: int) -> Iterator[tuple[float | None, int]]:
    """Makes the steps of the first epoch from a batch on, each with its seconds and tokens; no seconds where a graph
    was made for it."""
    batches: Iterator[Any] = iter(training.batches(0, first))
    while True:
        started, traces = time.perf_counter(), step.traces
        micro_batches = next(batches, None)
        if micro_batches is None:
            return
        step(micro_batches)
        seconds = time.perf_counter() - started
        tokens = sum(training.tokens(part) for micro_batch in micro_batches for part in micro_batch)
        yield seconds if step.traces == traces else None, tokens


def _rounded(seconds: float) -> str:
    """Two digits of a time."""
    if seconds < 60.0:
        return f"{seconds:.2g} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400.0 else f"about {seconds / 3600:.1f} h"
