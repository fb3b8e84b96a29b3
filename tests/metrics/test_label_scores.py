"""Accuracy, macro F1 and the confusion table, beside what plain counting gives."""

from __future__ import annotations

import numpy as np
import pytest

from seq2seq.metrics.bootstrap import SAMPLES, resampled_weights
from seq2seq.metrics.label_scores import Accuracy, MacroF1, confusion
from seq2seq.metrics.metric import Comparison

REFERENCES = ["a", "a", "a", "b", "b", "c", "c", "d"]
HYPOTHESES = ["a", "a", "b", "b", "c", "c", "c", "a"]


def plain_macro_f1(hypotheses: list[str], references: list[str]) -> float:
    """Label by label from precision and recall."""
    scores = []
    for label in sorted({*hypotheses, *references}):
        right = sum(h == r == label for h, r in zip(hypotheses, references))
        precision = right / hypotheses.count(label) if label in hypotheses else 0.0
        recall = right / references.count(label) if label in references else 0.0
        both = precision + recall
        scores.append(2 * precision * recall / both if both else 0.0)
    return 100 * sum(scores) / len(scores)


def test_accuracy() -> None:
    score = Accuracy(Comparison())(HYPOTHESES, REFERENCES)
    assert (score.value, score.signature) == (62.5, "texts:8")
    assert len(score.samples) == SAMPLES


def test_macro_f1_is_what_counting_gives() -> None:
    score = MacroF1(Comparison())(HYPOTHESES, REFERENCES)
    assert score.value == pytest.approx(plain_macro_f1(HYPOTHESES, REFERENCES))
    assert score.value == pytest.approx(100 * (2 / 3 + 1 / 2 + 4 / 5 + 0) / 4)
    assert score.signature == "average:macro|labels:4|texts:8"


def test_samples_are_scores_of_resampled_corpora() -> None:
    score = MacroF1(Comparison())(HYPOTHESES, REFERENCES)
    for sample, weights in zip(score.samples, resampled_weights(len(REFERENCES))):
        drawn = np.repeat(np.arange(len(REFERENCES)), weights)
        outputs, labels = ([side[n] for n in drawn] for side in (HYPOTHESES, REFERENCES))
        assert sample == pytest.approx(plain_macro_f1(outputs, labels))


def test_confusion_table() -> None:
    found = confusion(["a", "b", "b"], ["a", "a", "b"])
    assert found.labels == ["a", "b"]
    np.testing.assert_array_equal(found.counts, [[1, 1], [0, 1]])
    assert found.table().splitlines() == [
        "true \\ predicted\ta\tb\trecall\tprecision\tf1",
        "a\t1\t1\t50.00\t100.00\t66.67",
        "b\t0\t1\t100.00\t50.00\t66.67",
    ]
