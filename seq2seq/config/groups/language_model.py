"""`task=language_model`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import Group, choice_of, group, not_negative, option, rate
from seq2seq.config.groups.line_data import LineDataConfig
from seq2seq.config.groups.model import BaseModelConfig, Tie
from seq2seq.config.groups.task import LOSS, SamplingSchedule, TaskConfig, metric_names
from seq2seq.config.ranges import shown
from seq2seq.config.tables import TASKS


@dataclass
class LanguageModelConfig(BaseModelConfig):
    """Sizes and parts of a language model; `model.encoder` is what reads the line so far."""

    def problems(self, config: Any) -> Iterator[str]:
        encoder, tie = self.encoder, self.embedding.tie
        if encoder.kind != "recurrent":
            yield f"model.encoder.kind={encoder.kind}: a language model is recurrent; leave it out"
        if encoder.bidirectional:
            yield (
                "model.encoder.bidirectional=true: would read the token that is to be predicted; write"
                " model.encoder.bidirectional=false"
            )
        if tie in (Tie.source_target, Tie.all):
            yield f"model.embedding.tie={tie}: there is one vocabulary; write target_output, or none"


@dataclass
class StreamConfig(Group):
    """The text as one sequence, whose state is carried from window to window (truncated back-propagation)."""

    window: int = not_negative(
        0, "tokens that are read and learnt from at once, their state carried to the next; 0: line by line"
    )
    random_window: bool = option(
        False, "draw the length of each window, and let the learning rate follow it (arXiv:1708.02182, 4.1)"
    )

    dynamic_rate: float = not_negative(
        0.0,
        "of evaluate and score: learn from each window that was scored, at this rate (arXiv:1709.07432); 0: off",
    )

    def problems(self, config: Any) -> Iterator[str]:
        if not self.window:
            if self.dynamic_rate:
                yield (
                    f"task.stream.dynamic_rate={self.dynamic_rate:g}: learns from windows of a text; give"
                    " task.stream.window"
                )
            return
        stream = f"task.stream.window={self.window}"
        if config.data.tokenizer.sampling.alpha:
            yield (
                f"data.tokenizer.sampling.alpha={config.data.tokenizer.sampling.alpha:g}: would move the windows of"
                f" {stream}; leave out one of the two"
            )
        if config.hardware.strategy == "multi_worker":
            yield f"{stream}: workers do not share the state of its rows; write another hardware.strategy"


@dataclass
class LanguageModelTaskConfig(TaskConfig):
    """Lines of text, each token predicted from those before it."""

    implementation = "seq2seq.tasks.language_model.task:LanguageModelTask"
    model = LanguageModelConfig
    reads = LineDataConfig

    name: str = choice_of(TASKS, "language_model", "set by the choice of task=")
    label_smoothing: float = rate(0.0, "probability mass spread evenly over the vocabulary")
    metric: str = choice_of(metric_names, LOSS, "picks the best checkpoint, on the validation data")
    activation_l2: float = not_negative(
        0.0, "weight of the mean square of the last layer's outputs, after dropout (arXiv:1708.02182, AR)"
    )
    temporal_l2: float = not_negative(
        0.0, "the same of how much they change from a token to the next, before dropout (TAR)"
    )

    stream: StreamConfig = group(StreamConfig)

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        sampling = self.scheduled_sampling.schedule
        if sampling is not SamplingSchedule.none:
            yield f"task.scheduled_sampling.schedule={sampling}: is of decoders; leave it out"
        if self.extra_metrics:
            yield f"task.extra_metrics={shown(self.extra_metrics)}: compare outputs, and here there are none"
        if self.lowercase_metric:
            yield "task.lowercase_metric=true: no texts are compared; leave it out"
        if config.search.coverage_penalty:
            yield f"search.coverage_penalty={config.search.coverage_penalty:g}: is of attention; leave it out"
