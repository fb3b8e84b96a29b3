"""`optimizer`: how gradients become updates, and at which rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import Choice, Group, group, not_negative, number, option, positive, rate


class OptimizerName(Choice):
    adam = "adam"
    adamw = "adamw"
    sgd = "sgd"


class ScheduleName(Choice):
    constant = "constant"
    inverse_sqrt = "inverse_sqrt"
    plateau = "plateau"
    cosine = "cosine"


@dataclass
class ScheduleConfig(Group):
    """The learning rate over the steps."""

    name: ScheduleName = option(ScheduleName.constant, "what the rate does after its warm-up")
    warmup_steps: int = not_negative(0, "the rate rises from 0 over so many steps; at most half of a cosine")
    factor: float = number(0.5, "plateau: what the rate is multiplied by", above=0, below=1)
    patience: int = positive(1, "plateau: validations without a better metric before that happens")
    minimum: float = number(0.0, "plateau, cosine: floor, as a share of learning_rate", at_least=0, at_most=1)
    total_steps: int = not_negative(0, "cosine: where the floor is reached; 0: at the run's end")


@dataclass
class OptimizerConfig(Group):
    """How gradients become updates."""

    name: OptimizerName = option(OptimizerName.adam, "the update rule")
    learning_rate: float = positive(1e-3, "the rate after its warm-up")
    beta_1: float = rate(0.9, "adam, adamw: decay of the gradient's mean")
    beta_2: float = rate(0.999, "adam, adamw: decay of the squared gradient's mean")
    epsilon: float = positive(1e-7, "adam, adamw: added to the square root that is divided by")
    momentum: float = rate(0.0, "sgd: share of the last update that is made again")
    weight_decay: float = not_negative(0.0, "adamw: decoupled from the gradient")
    l2: float = not_negative(0.0, "this times the sum of squared kernels and embeddings joins the loss")
    clip_norm: float = not_negative(1.0, "largest global norm of the gradient; 0 is off")
    schedule: ScheduleConfig = group(ScheduleConfig)

    def problems(self, config: Any) -> Iterator[str]:
        if self.weight_decay and self.name is not OptimizerName.adamw:
            yield (
                f"optimizer.weight_decay={self.weight_decay:g}: only optimizer=adamw has it;"
                f" {self.name} takes optimizer.l2"
            )
        if self.momentum and self.name is not OptimizerName.sgd:
            yield f"optimizer.momentum={self.momentum:g}: only optimizer=sgd has it, not {self.name}"
