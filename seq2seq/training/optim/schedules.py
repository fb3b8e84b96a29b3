"""Learning rates as pure functions of the step, and the one that also listens to validation."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from seq2seq.metrics.metric import MetricOrder, Validation
from seq2seq.training.patience import Patience


class Schedule(ABC):
    """Maps the number of an update (scalar, counted from 1) to its learning rate (float32 scalar), in
    graph."""

    @abstractmethod
    def __call__(self, step: tf.Tensor) -> tf.Tensor: ...

    def plateau(self, order: MetricOrder) -> Plateau | None:
        """What lowers the rate when validations, compared by `order`, get no better; None: nothing does."""
        return None


def _warm_up(step: tf.Tensor, warmup_steps: int) -> tf.Tensor:
    """Rises in a line from 1 / warmup_steps at the first update to 1 at update `warmup_steps`, then stays."""
    return tf.minimum(step / max(warmup_steps, 1), 1.0)


@dataclass(frozen=True)
class Constant(Schedule):
    """`learning_rate`, reached in a line over `warmup_steps` updates."""

    learning_rate: float
    warmup_steps: int = 0

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return self.learning_rate * _warm_up(tf.cast(step, tf.float32), self.warmup_steps)


@dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    """Warm-up to `learning_rate`, then `learning_rate * sqrt(warmup_steps / step)` (Vaswani et al. 2017,
    section 5.3)."""

    learning_rate: float
    warmup_steps: int

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        warmup_steps = max(self.warmup_steps, 1)
        decay = tf.math.rsqrt(tf.maximum(step / warmup_steps, 1.0))
        return self.learning_rate * _warm_up(step, warmup_steps) * decay


@dataclass(frozen=True)
class Cosine(Schedule):
    """Warm-up to `learning_rate`, then half a cosine down to `minimum` at `total_steps` (Loshchilov & Hutter
    2017, eq. 5).

    Past `total_steps` it stays at `minimum`.
    """

    learning_rate: float
    total_steps: int
    warmup_steps: int = 0
    minimum: float = 0.0

    def __post_init__(self) -> None:
        if self.total_steps <= self.warmup_steps:
            raise ValueError(
                f"total_steps ({self.total_steps}) must exceed warmup_steps ({self.warmup_steps})"
            )

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        done = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        fall = 0.5 * (1.0 + tf.cos(math.pi * tf.clip_by_value(done, 0.0, 1.0)))
        cosine = self.minimum + (self.learning_rate - self.minimum) * fall
        return cosine * _warm_up(step, self.warmup_steps)


def cosine_of_run(learning_rate: float, *, warmup_steps: int, total_steps: int, minimum: float) -> Cosine:
    """A cosine with a warm-up of at most half of it; `minimum` is a share of `learning_rate`."""
    return Cosine(learning_rate, total_steps, min(warmup_steps, total_steps // 2), minimum * learning_rate)


@dataclass(frozen=True)
class ReduceOnPlateau(Constant):
    """A constant rate that a `Plateau` lowers.

    Attributes:
        factor, patience, min_delta: see `Plateau`.
        minimum: its `minimum_scale`.
    """

    factor: float = 0.5
    patience: int = 1
    min_delta: float = 0.0
    minimum: float = 0.0

    def plateau(self, order: MetricOrder) -> Plateau:
        return Plateau(
            factor=self.factor,
            patience=self.patience,
            order=order,
            min_delta=self.min_delta,
            minimum_scale=self.minimum,
        )


class Plateau:
    """Multiplies the learning rate by `factor` after `patience` validations in a row of which none was better.

    `scale` is the product of all reductions so far and never falls below `minimum_scale`.
    """

    def __init__(
        self,
        *,
        factor: float,
        patience: int,
        order: MetricOrder,
        min_delta: float = 0.0,
        minimum_scale: float = 0.0,
    ) -> None:
        self.factor = factor
        self.minimum_scale = minimum_scale
        self.scale = 1.0
        self._patience = Patience(patience=patience, order=order, min_delta=min_delta)

    def update(self, validation: Validation) -> bool:
        """Takes a validation; True where the learning rate falls because of it."""
        self._patience.update(validation)
        if not self._patience.exhausted or self.scale <= self.minimum_scale:
            return False
        self._patience.waited = 0
        self.scale = max(self.scale * self.factor, self.minimum_scale)
        return True

    def state(self) -> dict[str, Any]:
        return {"scale": self.scale, **self._patience.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.scale = float(state["scale"])
        self._patience.restore(state)
