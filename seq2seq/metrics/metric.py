"""What a metric is, and the order that metrics put validations in."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from seq2seq.config.tables import METRICS


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
    """A figure of a corpus, and what makes it reproducible."""

    value: float
    signature: str


class Metric(ABC):
    """A figure of a corpus: a subclass is one metric, and `seq2seq.config.tables.METRICS` names it.

    Args:
      comparison: how texts are compared.

    Attributes:
      name: its key in reports.
      label: as papers write it.
      higher_is_better: its direction.
      decimals: values that agree in so many are equal: reports show no more. None: only the same value is.

    Raises:
      UserError: what it needs is not installed.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    higher_is_better: ClassVar[bool]
    decimals: ClassVar[int | None] = 2

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison

    @abstractmethod
    def __call__(self, hypotheses: Sequence[str], references: Sequence[str]) -> Score:
        """Of at least one text, and as many references."""

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


class Loss(Metric):
    """In nats per token; a model's, not a text's: every evaluator computes it."""

    name = "loss"
    label = "loss"
    higher_is_better = False
    decimals = None


@dataclass(frozen=True)
class MetricOrder:
    """Compares validations by a metric, and by the next one where that cannot tell them apart.

    So a BLEU of 0, or a word error rate of 100, at every validation picks none of them: chrF does, or the loss.

    Attributes:
      metrics: the one that was chosen, then those that break ties.
    """

    metrics: tuple[type[Metric], ...]

    @classmethod
    def of(cls, name: str, tie_breakers: Iterable[str] = ()) -> MetricOrder:
        """By names of METRICS; `name` breaks no tie with itself."""
        return cls(tuple(METRICS[each] for each in dict.fromkeys([name, *tie_breakers])))

    @property
    def first(self) -> type[Metric]:
        return self.metrics[0]

    def of_interest(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Those of the figures that are compared."""
        return {metric.name: figures[metric.name] for metric in self.metrics}

    def shown(self, figures: Mapping[str, float]) -> str:
        """As `BLEU 31.25, chrF 52.10, loss 1.84`."""
        return ", ".join(f"{metric.label} {figures[metric.name]:.2f}" for metric in self.metrics)

    def is_better(
        self, new: Mapping[str, float], old: Mapping[str, float] | None, min_delta: float = 0.0
    ) -> bool:
        """Whether the figures `new` are better than `old`, figures or None; figures with NaN never are.

        Args:
          min_delta: a gain in the first metric that is no larger is none; a tie in it is broken by any gain.
        """
        if any(math.isnan(value) for value in self.of_interest(new).values()):
            return False
        for metric in self.metrics:
            if not old or metric.name not in old:  # a checkpoint of before ties were broken
                return True
            gain = metric.gain(new[metric.name], old[metric.name])
            if gain != 0.0:
                return gain > (min_delta if metric is self.first else 0.0)
        return False
