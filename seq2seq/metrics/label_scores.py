"""How often a classifier is right: over all texts, and label by label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seq2seq.metrics.bootstrap import resampled_weights
from seq2seq.metrics.metric import CountedMetric, Metric, Score


class Confusion(NamedTuple):
    """How often each label was given for each.

    Attributes:
      labels: C names, in their order.
      counts: ``[C, C]`` float64, a row for each true label, a column for each that was given.
    """

    labels: list[str]
    counts: np.ndarray

    def f1(self) -> np.ndarray:
        """``[C]`` of each label: 2 · right / (true + given); a label that is neither has 0."""
        return f1_scores(self.counts)

    def table(self) -> str:
        """Tab-separated: a row for each true label, with how many of its texts were given which; then recall, precision
        and F1 in percent."""
        right, true, given = np.diag(self.counts), self.counts.sum(axis=1), self.counts.sum(axis=0)
        lines = ["\t".join(["true \\ predicted", *self.labels, "recall", "precision", "f1"])]
        for n, label in enumerate(self.labels):
            rates = (right[n] / max(true[n], 1), right[n] / max(given[n], 1), self.f1()[n])
            counts = [f"{count:.0f}" for count in self.counts[n]]
            lines.append("\t".join([label, *counts, *(f"{100 * rate:.2f}" for rate in rates)]))
        return "\n".join(lines) + "\n"


def f1_scores(counts: np.ndarray) -> np.ndarray:
    """Of counts ``[…, C, C]`` of a true and a given label, ``[…, C]`` the harmonic mean of precision and recall."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    both = counts.sum(axis=-1) + counts.sum(axis=-2)
    return 2.0 * right / np.maximum(both, 1.0)


def confusion(hypotheses: Sequence[str], references: Sequence[str]) -> Confusion:
    """Of the labels that occur on either side."""
    labels, cells = _cells(hypotheses, references)
    size = len(labels)
    return Confusion(labels, np.bincount(cells, minlength=size * size).reshape(size, size).astype(np.float64))


def _cells(hypotheses: Sequence[str], references: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The labels in their order, and ``[N]`` the cell of each text in the table of a true and a given label."""
    labels, numbers = np.unique([*references, *hypotheses], return_inverse=True)
    true, given = numbers.reshape(2, -1)
    return labels.tolist(), true * len(labels) + given


class Accuracy(CountedMetric):
    """Texts that are given their label, in percent."""

    name = "accuracy"
    label = "accuracy"
    higher_is_better = True
    ceiling = 100.0

    def counts(self, hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
        right = np.equal(hypotheses, references)
        return np.stack([right, np.ones(len(right))], axis=1).astype(np.int64)

    def value(self, sums: np.ndarray) -> float:
        return float(100.0 * sums[0] / sums[1])

    def signature(self, references: Sequence[str]) -> str:
        return f"texts:{len(references)}"


class MacroF1(Metric):
    """The mean of the labels' F1, in percent, each label counting the same: of those that are true or given somewhere
    (as scikit-learn's ``f1_score(average="macro")``)."""

    name = "macro_f1"
    label = "macro F1"
    higher_is_better = True
    ceiling = 100.0

    def __call__(self, hypotheses: Sequence[str], references: Sequence[str]) -> Score:
        labels, cells = _cells(hypotheses, references)
        used, cells = np.unique(cells, return_inverse=True)  # of many labels few cells are
        true, given = np.divmod(used, len(labels))

        def value(weights: np.ndarray | None = None) -> float:
            counts = np.bincount(cells, weights, minlength=len(used)).astype(np.float64)
            right, all_true, all_given = (
                np.bincount(side, some, minlength=len(labels))
                for side, some in ((true, counts * (true == given)), (true, counts), (given, counts))
            )
            both = all_true + all_given
            return float(100.0 * np.mean((2.0 * right)[both > 0] / both[both > 0]))

        samples = [value(weights) for weights in resampled_weights(len(references))]
        return Score(value(), f"average:macro|labels:{len(labels)}|texts:{len(references)}", samples)
