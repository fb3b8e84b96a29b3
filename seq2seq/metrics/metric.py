"""The metrics by name, and the order that they put validations in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Metric(NamedTuple):
    """What a figure is called, and what is better.

    Attributes:
      name: its key in reports.
      label: as papers write it.
      higher_is_better: its direction.
      decimals: values that agree in so many are equal: reports show no more. None: only the same value is.
    """

    name: str
    label: str
    higher_is_better: bool
    decimals: int | None = None

    def gain(self, new: float, old: float) -> float:
        """How much better `new` is, 0 where they are equal; neither is NaN."""
        if self.decimals is not None:
            new, old = round(new, self.decimals), round(old, self.decimals)
        if new == old:
            return 0.0  # two infinite losses, too
        return new - old if self.higher_is_better else old - new


METRICS = {
    metric.name: metric
    for metric in (
        Metric("bleu", "BLEU", True, decimals=2),
        Metric("chrf", "chrF", True, decimals=2),
        Metric("wer", "WER", False, decimals=2),
        Metric("cer", "CER", False, decimals=2),
        Metric("loss", "loss", False),
    )
}


@dataclass(frozen=True)
class MetricOrder:
    """Compares validations by a metric, and by the next one where that cannot tell them apart.

    So a BLEU of 0, or a word error rate of 100, at every validation picks none of them: chrF does, or the loss.

    Attributes:
      metrics: the one that was chosen, then those that break ties.
    """

    metrics: tuple[Metric, ...]

    @classmethod
    def of(cls, name: str, tie_breakers: Iterable[str] = ()) -> MetricOrder:
        """By names of METRICS; `name` breaks no tie with itself."""
        return cls(tuple(METRICS[each] for each in dict.fromkeys([name, *tie_breakers])))

    @property
    def first(self) -> Metric:
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
