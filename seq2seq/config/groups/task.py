"""`task`: what all tasks share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from seq2seq.config.fields import (
    Choice,
    Group,
    choice_of,
    choices_of,
    group,
    not_negative,
    number,
    option,
    rate,
)
from seq2seq.config.groups.data import DataConfig
from seq2seq.config.groups.model import BaseModelConfig, ModelConfig
from seq2seq.config.tables import DATA_FORMATS, METRICS, TASKS

LOSS = "loss"  # a metric of every task


def metric_names() -> list[str]:
    """What can be measured: what any task does, and what else there is."""
    return list(dict.fromkeys([*(name for task in TASKS.values() for name in task.metrics), *METRICS]))


class SamplingSchedule(Choice):
    none = "none"
    constant = "constant"
    linear = "linear"
    inverse_sigmoid = "inverse_sigmoid"


@dataclass
class ScheduledSamplingConfig(Group):
    """Scheduled sampling (arXiv:1506.03099): in training the decoder reads some of its own words."""

    schedule: SamplingSchedule = option(SamplingSchedule.none, "how the share rises")
    rate: float = number(
        0.25, "share of target inputs replaced by the model's own, at the end", at_least=0, at_most=1
    )
    warmup_steps: int = not_negative(0, "steps over which the share rises from 0 to rate")

    def problems(self, config: Any) -> Iterator[str]:
        rises = self.schedule in (SamplingSchedule.linear, SamplingSchedule.inverse_sigmoid)
        if rises and not self.warmup_steps:
            yield (
                f"task.scheduled_sampling.schedule={self.schedule}: rises over"
                " task.scheduled_sampling.warmup_steps, which must be above 0"
            )


@dataclass
class TaskConfig(Group):
    """What all tasks share."""

    #: The `seq2seq.tasks.contract.Task` that carries it out, or where that is: `module:attribute`.
    implementation: ClassVar[Any] = ""
    #: The keys of its model.
    model: ClassVar[type[BaseModelConfig]] = ModelConfig
    #: What is measured besides the loss.
    metrics: ClassVar[tuple[str, ...]] = ()
    #: The formats that it reads: those derived from this.
    reads: ClassVar[type[DataConfig]] = DataConfig
    #: Whether its outputs are searched for, token by token.
    searches: ClassVar[bool] = True

    name: str = choice_of(TASKS, "translation", "set by the choice of task=")
    label_smoothing: float = rate(0.1, "probability mass spread evenly over the vocabulary")
    metric: str = choice_of(metric_names, LOSS, "picks the best checkpoint, on the validation data")
    extra_metrics: list[str] = choices_of(METRICS, "measured besides the task's own")
    lowercase_metric: bool = option(False, "compare without regard to case")
    examples_shown: int = not_negative(5, "outputs printed beside their references at the end")
    scheduled_sampling: ScheduledSamplingConfig = group(ScheduledSamplingConfig)

    def problems(self, config: Any) -> Iterator[str]:
        if type(self) is not TASKS.get(self.name):
            yield f"task.name={self.name}: set by the choice of task=; write task={self.name}"
            return
        if type(config.model) is not self.model:
            yield f"model: this one is not for task={self.name}; write model={self.name}, or another made for it"
        data = config.data
        if type(data) is DATA_FORMATS.get(data.format) and not isinstance(data, self.reads):
            readers = [name for name, task in TASKS.items() if isinstance(data, task.reads)]
            formats = [name for name, schema in DATA_FORMATS.items() if issubclass(schema, self.reads)]
            yield (
                f"data.format={data.format}: task={self.name} does not read it; write task={' or '.join(readers)}, or"
                f" data= one of {', '.join(formats)}"
            )
        measured = dict.fromkeys((*self.metrics, *self.extra_metrics, LOSS))
        if self.metric not in measured:
            other = f", or add task.extra_metrics=[{self.metric}]" if self.metric in METRICS else ""
            yield (
                f"task.metric={self.metric}: not measured by task={self.name}; valid:"
                f" {', '.join(measured)}{other}"
            )
