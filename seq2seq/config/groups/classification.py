"""`task=classification`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import Choice, Group, choice_of, group, not_negative, option, positive, rate
from seq2seq.config.groups.labelled_data import LabelledDataConfig
from seq2seq.config.groups.model import BaseModelConfig, Tie
from seq2seq.config.groups.search import SearchName
from seq2seq.config.groups.task import SamplingSchedule, TaskConfig, metric_names
from seq2seq.config.ranges import shown
from seq2seq.config.tables import TASKS


class Pooling(Choice):
    last = "last", "the final h of the last layer, both directions side by side"
    mean = "mean", "the mean of its outputs"
    max = "max", "the greatest of its outputs, unit by unit"


@dataclass
class HeadConfig(Group):
    """What comes between a text's vector and the scores of the labels."""

    layers: int = not_negative(0, "hidden layers, with a tanh")
    units: int = positive(128, "of each of them")
    dropout: float = rate(0.0, "on the inputs of each layer, the last one's among them")


@dataclass
class ClassificationModelConfig(BaseModelConfig):
    """Sizes and parts of a classifier."""

    pooling: Pooling = option(Pooling.max, "what becomes of the encoder's outputs, one vector of a text")
    head: HeadConfig = group(HeadConfig)

    def problems(self, config: Any) -> Iterator[str]:
        if self.embedding.tie is not Tie.none:
            yield f"model.embedding.tie={self.embedding.tie}: labels have no embedding; leave it out"
        if self.pooling is Pooling.last and self.encoder.output_dropout:
            yield (
                f"model.encoder.output_dropout={self.encoder.output_dropout:g}: is on outputs, and"
                " model.pooling=last takes none; write model.head.dropout"
            )


@dataclass
class ClassificationTaskConfig(TaskConfig):
    """Text in, a label out."""

    implementation = "seq2seq.tasks.classification.task:ClassificationTask"
    model = ClassificationModelConfig
    metrics = ("accuracy", "macro_f1")
    reads = LabelledDataConfig
    searches = False

    name: str = choice_of(TASKS, "classification", "set by the choice of task=")
    metric: str = choice_of(metric_names, "accuracy", "picks the best checkpoint, on the validation data")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        search, sampling = config.search, self.scheduled_sampling.schedule
        if search.name is not SearchName.greedy:
            yield f"search.name={search.name}: labels are not searched for; leave it out"
        elif search.scorers:
            yield f"search.scorers={shown(search.scorers)}: labels are not searched for; leave it out"
        if sampling is not SamplingSchedule.none:
            yield f"task.scheduled_sampling.schedule={sampling}: a classifier has no decoder; leave it out"
        if self.lowercase_metric:
            yield "task.lowercase_metric=true: labels are compared as they are; leave it out"
