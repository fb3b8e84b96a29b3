"""Several metrics of one corpus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from seq2seq.config.tables import METRICS
from seq2seq.errors import UserError
from seq2seq.metrics.metric import Comparison, Loss, Metric


class CorpusScores(NamedTuple):
    """By metric: figures, the signatures that say how they were computed (Post 2018), and figures of resampled
    corpora, where there are any."""

    scores: dict[str, float]
    signatures: dict[str, str]
    samples: dict[str, Sequence[float]]


class CorpusScorer:
    """Compares hypotheses with references by several metrics.

    Args:
      names: of ``METRICS``; the loss, which is no matter of texts, is passed over.
      comparison: how texts are compared.

    Raises:
      UserError: what a metric needs is not installed.
    """

    def __init__(self, names: Iterable[str], comparison: Comparison) -> None:
        metrics = (METRICS[name] for name in dict.fromkeys(names))
        self._metrics: list[Metric] = [metric(comparison) for metric in metrics if metric is not Loss]

    def __call__(self, hypotheses: Sequence[str], references: Sequence[str]) -> CorpusScores:
        """Of one text each.

        Raises:
          UserError: there is none.
        """
        if len(hypotheses) != len(references):
            raise ValueError(f"{len(hypotheses)} hypotheses and {len(references)} references")
        if not references:
            raise UserError("There is nothing to measure: no output to compare with a reference.")
        scores = {metric.name: metric(hypotheses, references) for metric in self._metrics}
        return CorpusScores(
            {name: score.value for name, score in scores.items()},
            {name: score.signature for name, score in scores.items()},
            {name: score.samples for name, score in scores.items() if score.samples},
        )

    def is_blind(self, name: str, references: Sequence[str]) -> bool:
        """Whether a metric tells no models apart on these references."""
        return any(metric.name == name and metric.is_blind(references) for metric in self._metrics)

    def notes(self, references: Sequence[str]) -> Iterator[str]:
        """Why the metrics would not tell models apart on these references, in sentences."""
        for metric in self._metrics:
            yield from metric.notes(references)
