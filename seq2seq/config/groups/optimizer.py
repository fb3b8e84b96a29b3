"""`optimizer`: how gradients become updates, and at which rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import (
    Group,
    choice_of,
    group,
    not_negative,
    number,
    option,
    options_of,
    positive,
    rate,
)
from seq2seq.config.ranges import shown
from seq2seq.config.tables import Part, Parts


def _nesterov_problems(optimizer: OptimizerConfig, config: Any) -> Iterator[str]:
    if optimizer.nesterov and not optimizer.momentum:
        yield "optimizer.nesterov=true: looks ahead of nothing without optimizer.momentum"


_ADAM = ("beta_1", "beta_2", "epsilon")

#: `optimizer.name`: an `Optimizer`.
OPTIMIZERS = Parts(
    adam=Part("seq2seq.training.optim.optimizers:Adam", takes=_ADAM),
    adamw=Part("seq2seq.training.optim.optimizers:AdamW", takes=(*_ADAM, "weight_decay")),
    sgd=Part(
        "seq2seq.training.optim.optimizers:SGD", takes=("momentum", "nesterov"), problems=_nesterov_problems
    ),
)

#: `optimizer.schedule.name`: a `Schedule`.
SCHEDULES = Parts(
    constant=Part("seq2seq.training.optim.schedules:Constant", takes=("warmup_steps",)),
    inverse_sqrt=Part("seq2seq.training.optim.schedules:InverseSquareRoot", takes=("warmup_steps",)),
    plateau=Part(
        "seq2seq.training.optim.schedules:ReduceOnPlateau",
        takes=("warmup_steps", "factor", "patience", "min_delta", "minimum"),
    ),
    cosine=Part(
        "seq2seq.training.optim.schedules:cosine_of_run", takes=("warmup_steps", "total_steps", "minimum")
    ),
)


@dataclass
class ScheduleConfig(Group):
    """The learning rate over the steps."""

    name: str = choice_of(SCHEDULES, "constant", "what the rate does after its warm-up")
    warmup_steps: int = not_negative(0, "the rate rises from 0 over so many steps; at most half of a cosine")
    factor: float = number(0.5, "plateau: what the rate is multiplied by", above=0, below=1)
    patience: int = positive(1, "plateau: validations without a better metric before that happens")
    min_delta: float = not_negative(0.0, "plateau: a gain in the metric that is no larger is none")
    minimum: float = number(0.0, "plateau, cosine: floor, as a share of learning_rate", at_least=0, at_most=1)
    total_steps: int = not_negative(0, "cosine: where the floor is reached; 0: at the run's end")
    options: Any = options_of("the schedule")


@dataclass
class OptimizerConfig(Group):
    """How gradients become updates."""

    name: str = choice_of(OPTIMIZERS, "adam", "the update rule")
    learning_rate: float = positive(1e-3, "the rate after its warm-up")
    beta_1: float = rate(0.9, "adam, adamw: decay of the gradient's mean")
    beta_2: float = rate(0.999, "adam, adamw: decay of the squared gradient's mean")
    epsilon: float = positive(1e-7, "adam, adamw: added to the square root that is divided by")
    momentum: float = rate(0.0, "sgd: share of the last update that is made again")
    nesterov: bool = option(False, "sgd: momentum that looks ahead (Sutskever et al. 2013)")
    weight_decay: float = not_negative(0.0, "adamw: decoupled from the gradient; others take l2")
    l2: float = not_negative(0.0, "this times the sum of squared kernels and embeddings joins the loss")
    clip_norm: float = not_negative(1.0, "largest global norm of the gradient; 0 is off")
    options: Any = options_of("the optimizer")
    schedule: ScheduleConfig = group(ScheduleConfig)

    def problems(self, config: Any) -> Iterator[str]:
        yield from OPTIMIZERS[self.name].problems(self, config)
        yield from SCHEDULES[self.schedule.name].problems(self.schedule, config)
        for key, value, others in OPTIMIZERS.misplaced(self.name, self):
            yield f"optimizer.{key}={shown(value)}: only optimizer={others} has it, not optimizer={self.name}"
