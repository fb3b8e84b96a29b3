"""What a metric is, and the order that metrics put validations in."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import numpy as np

from seq2seq.config.tables import METRICS
from seq2seq.metrics.bootstrap import noise_of_difference, resampled_sums


class Comparison(NamedTuple):
    """How texts are compared.

    Attributes:
      lowercase: without regard to case.
      tokenizer: sacreBLEU's name of what splits text into the words that BLEU counts; ``none`` takes the text as it
        stands. Other metrics take no notice of it.
      chosen: the name of the metric that tells models apart.
    """

    lowercase: bool = False
    tokenizer: str = "13a"
    chosen: str = "bleu"


class Score(NamedTuple):
    """A figure of a corpus.

    Attributes:
      value: the figure.
      signature: what makes it reproducible.
      samples: the figures of resampled corpora, from which its noise is known; none where it is not.
    """

    value: float
    signature: str
    samples: Sequence[float] = ()


class Metric(ABC):
    """A figure of a corpus: a subclass is one metric, and `seq2seq.config.tables.METRICS` names it.

    Args:
      comparison: how texts are compared.

    Attributes:
      name: its key in reports.
      label: as papers write it.
      higher_is_better: its direction.
      decimals: values that agree in so many are equal: reports show no more. None: only the same value is.
      ceiling: the best value that there is; None where there is none.

    Raises:
      UserError: what it needs is not installed.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    higher_is_better: ClassVar[bool]
    decimals: ClassVar[int | None] = 2
    ceiling: ClassVar[float | None] = None

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison

    @abstractmethod
    def __call__(self, hypotheses: Sequence[str], references: Sequence[str]) -> Score:
        """Of at least one text, and as many references."""

    def is_blind(self, references: Sequence[str]) -> bool:
        """Whether it tells no models apart on these references, however many there are."""
        return False

    def notes(self, references: Sequence[str]) -> Iterator[str]:
        """Why it would not tell models apart on these references, in sentences."""
        yield from ()

    @classmethod
    def gain(cls, new: float, old: float) -> float:
        """How much better `new` is, 0 where they are equal; neither is NaN."""
        if cls.decimals is not None:
            new, old = round(new, cls.decimals), round(old, cls.decimals)
        if new == old:
            return 0.0  # two infinite losses, too
        return new - old if cls.higher_is_better else old - new


class CountedMetric(Metric):
    """A metric of what is counted in each text and summed over the corpus, whose noise is therefore known cheaply."""

    def __call__(self, hypotheses: Sequence[str], references: Sequence[str]) -> Score:
        counts = self.counts(hypotheses, references)
        samples = [self.value(sums) for sums in resampled_sums(counts)]
        return Score(self.value(counts.sum(axis=0)), self.signature(references), samples)

    @abstractmethod
    def counts(self, hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
        """Of each text, ``[N, S]`` whole numbers."""

    @abstractmethod
    def value(self, sums: np.ndarray) -> float:
        """The figure of a corpus whose counts add up to these, ``[S]``."""

    @abstractmethod
    def signature(self, references: Sequence[str]) -> str:
        """What makes the figure reproducible."""


class Loss(Metric):
    """In nats per token; a model's, not a text's: every evaluator computes it."""

    name = "loss"
    label = "loss"
    higher_is_better = False
    decimals = None


class Validation(NamedTuple):
    """What a validation measured.

    Attributes:
      figures: by the names of metrics.
      samples: see `Score`; of the metrics that have them.
    """

    figures: Mapping[str, float]
    samples: Mapping[str, Sequence[float]] = MappingProxyType({})

    def plain(self) -> Validation:
        """The same as JSON can hold it."""
        return Validation(
            {name: float(value) for name, value in self.figures.items()},
            {name: [float(value) for value in values] for name, values in self.samples.items()},
        )


class Verdict(NamedTuple):
    """Which of two validations is the better one, and why.

    Attributes:
      better: whether the new one is.
      metric: the name of the metric that decided; "" where none could.
      noise: of the metrics before it, by name, how far apart two models are by chance.
    """

    better: bool
    metric: str = ""
    noise: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class MetricOrder:
    """Compares validations by a metric, and by the next one where that cannot tell them apart.

    It cannot where the figures are equal, or differ by no more than the noise of the validation data: two standard
    errors of their difference. So BLEU of 0.3 and of 0.4, or a word error rate about 100, picks no model: chrF or the
    character error rate does, or the loss.

    Attributes:
      metrics: the one that was chosen, then those that decide where it cannot.
    """

    metrics: tuple[type[Metric], ...]

    @classmethod
    def of(cls, name: str, tie_breakers: Iterable[str] = ()) -> MetricOrder:
        """By names of METRICS; `name` breaks no tie with itself."""
        return cls(tuple(METRICS[each] for each in dict.fromkeys([name, *tie_breakers])))

    @property
    def first(self) -> type[Metric]:
        return self.metrics[0]

    def shown(self, figures: Mapping[str, float]) -> str:
        """As `BLEU 31.25, chrF 52.10, loss 1.84`."""
        return ", ".join(f"{metric.label} {figures[metric.name]:.2f}" for metric in self.metrics)

    def compare(self, new: Validation, old: Validation | None, min_delta: float = 0.0) -> Verdict:
        """Whether `new` is better than `old`; figures with NaN never are.

        Args:
          min_delta: a gain in the first metric that is no larger is none; where that decides nothing, any will do.
        """
        if any(math.isnan(new.figures[metric.name]) for metric in self.metrics):
            return Verdict(False)
        noise: dict[str, float] = {}
        for metric in self.metrics:
            name = metric.name
            if old is None or name not in old.figures:  # a checkpoint of before ties were broken
                return Verdict(True, name, noise)
            gain = metric.gain(new.figures[name], old.figures[name])
            margin = noise_of_difference(new.samples.get(name, ()), old.samples.get(name, ()))
            if abs(gain) > margin:
                return Verdict(gain > (min_delta if metric is self.first else 0.0), name, noise)
            noise[name] = margin
        return Verdict(False, "", noise)

    def standard(self, new: Validation, old: Validation | None, verdict: Verdict) -> Validation:
        """What the next validation is compared with, after `new` was found better than `old`.

        In metrics that did not decide, the better of the two: many steps down, each within the noise, would
        otherwise lead anywhere.
        """
        figures = {metric.name: new.figures[metric.name] for metric in self.metrics}
        samples = {name: new.samples[name] for name in figures if name in new.samples}
        for metric in self.metrics:
            name = metric.name
            if (
                old is not None
                and name in verdict.noise
                and metric.gain(old.figures[name], figures[name]) > 0
            ):
                figures[name] = old.figures[name]
                samples[name] = old.samples.get(name, ())
        return Validation(figures, samples)

    def at_ceiling(self, validation: Validation) -> bool:
        """Whether the first metric cannot be better."""
        ceiling = self.first.ceiling
        return ceiling is not None and self.first.gain(ceiling, validation.figures[self.first.name]) <= 0.0

    def reason(self, verdict: Verdict, figures: Mapping[str, float]) -> str:
        """As `chrF 41.20 decided; BLEU 0.40 differs by less than its noise (±0.50)`.

        Args:
          verdict: why a validation is the best.
          figures: its.
        """
        by_name = {metric.name: metric for metric in self.metrics}
        undecided = [
            f"{by_name[name].label} {figures[name]:.2f} {self._why(by_name[name], figures[name], noise)}"
            for name, noise in verdict.noise.items()
        ]
        if verdict.metric:
            decider = f"{by_name[verdict.metric].label} {figures[verdict.metric]:.2f} decided"
        else:
            decider = "the first of equals"
        return "; ".join([decider, *([" and ".join(undecided)] if undecided else [])])

    @staticmethod
    def _why(metric: type[Metric], value: float, noise: float) -> str:
        if metric.ceiling is not None and metric.gain(metric.ceiling, value) <= 0.0:
            return "cannot be better"
        return f"differs by less than its noise (±{noise:.2f})" if noise else "is equal to another's"
