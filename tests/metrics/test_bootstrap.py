"""The noise of corpus metrics: it is sacreBLEU's figure that is resampled, and chance that it covers."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from seq2seq.metrics.bootstrap import SAMPLES, noise_of_difference, resampled_sums
from seq2seq.metrics.corpus_scorer import CorpusScorer, CorpusScores
from seq2seq.metrics.metric import Comparison, MetricOrder, Validation

ALL = ("bleu", "chrf", "wer", "cer")
WORDS = "the a man woman dog runs walks in on park street red big of and two is by".split()  # noqa: SIM905


def corpus(seed: int, size: int = 200) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(3, 12))) for _ in range(size)]


def garbled(texts: Sequence[str], share: float, seed: int) -> list[str]:
    """With `share` of the words drawn anew."""
    draw = random.Random(seed)
    return [
        " ".join(draw.choice(WORDS) if draw.random() < share else word for word in text.split())
        for text in texts
    ]


def scores(outputs: Sequence[str], references: Sequence[str]) -> CorpusScores:
    return CorpusScorer(ALL, Comparison())(outputs, references)


def test_the_figures_are_those_of_sacrebleu() -> None:
    references = corpus(0)
    outputs = garbled(references, 0.3, 1)
    measured = scores(outputs, references).scores
    assert measured["bleu"] == BLEU(force=True).corpus_score(outputs, [references]).score
    assert measured["chrf"] == CHRF().corpus_score(outputs, [references]).score


def test_a_resampled_figure_is_that_of_the_resampled_texts() -> None:
    references = corpus(0, size=40)
    outputs = garbled(references, 0.3, 1)
    measured = scores(outputs, references)
    for n, weights in enumerate(resampled_sums(np.eye(40, dtype=int))[:3]):
        rows = np.repeat(np.arange(40), weights)
        assert len(rows) == 40
        drawn = scores([outputs[row] for row in rows], [references[row] for row in rows]).scores
        assert {name: measured.samples[name][n] for name in ALL} == pytest.approx(drawn)


def test_the_same_corpora_are_drawn_each_time() -> None:
    counts = np.arange(60).reshape(20, 3)
    np.testing.assert_array_equal(resampled_sums(counts), resampled_sums(counts))
    assert resampled_sums(counts).shape == (SAMPLES, 3)


def test_noise_is_two_standard_errors_of_the_paired_difference() -> None:
    assert noise_of_difference([1.0, 3.0, 5.0, 7.0], [1.0, 1.0, 3.0, 7.0]) == 2.0  # differences 0 2 2 0
    assert noise_of_difference([], [1.0]) == noise_of_difference([1.0], [1.0, 2.0]) == 0.0


def test_models_that_differ_by_chance_are_mostly_within_the_noise_and_others_are_not() -> None:
    references = corpus(0)
    equals = [scores(garbled(references, 0.4, seed), references) for seed in range(1, 21)]
    worse = scores(garbled(references, 0.6, 99), references)

    def apart(one: CorpusScores, other: CorpusScores, name: str) -> bool:
        noise = noise_of_difference(one.samples[name], other.samples[name])
        return abs(one.scores[name] - other.scores[name]) > noise

    for name in ALL:
        assert sum(apart(one, other, name) for one, other in zip(equals[::2], equals[1::2])) <= 2
        assert all(apart(one, worse, name) for one in equals)


def test_an_untrained_models_bleu_picks_nothing() -> None:
    """Outputs that have nothing to do with the references, of models whose loss differs."""
    references = corpus(0)
    order = MetricOrder.of("bleu", ("chrf", "loss"))
    old, new = (scores(garbled(corpus(seed), 1.0, seed), references) for seed in (5, 6))
    verdicts = {
        loss: order.compare(
            Validation({**new.scores, "loss": loss}, new.samples),
            Validation({**old.scores, "loss": 5.0}, old.samples),
        )
        for loss in (4.0, 6.0)
    }
    assert {loss: verdict[:2] for loss, verdict in verdicts.items()} == {
        4.0: (True, "loss"),
        6.0: (False, "loss"),
    }
