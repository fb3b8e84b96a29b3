"""The n-gram model that language models are measured against."""

from __future__ import annotations

import math
import random

import pytest

from benchmarks.kneser_ney import END, START, KneserNey

LINES = [[1, 2, 3], [1, 2, 4], [2, 3], [1], [5, 2, 3, 4, 4], []]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one_after_any_context(order: int) -> None:
    model = KneserNey(LINES * 3, order, vocabulary_size=7)
    tokens = (1, 2, 3, 4, 5, 6, END)  # 6 was never seen
    for context in ((START,), (START, 1), (1, 2), (5, 2, 3, 4), (6,), (6, 2), (4, 4)):
        assert math.fsum(model.probability(context, token) for token in tokens) == pytest.approx(1.0)


def test_a_bigram_by_hand() -> None:
    """Of `a b`, `a b` and `a`. Of one token there are no counts of 3, so that its discounts are 0.5 and 1; of two there
    are one count of 1, two of 2 and one of 3: y = 1 / 5, and the discounts are 1 - 2/5 * 2 and 2 - 3/5 * 1/2."""
    model = KneserNey([[1, 2], [1, 2], [1]], 2, vocabulary_size=3)
    unigram = {1: 0.5 / 4, 2: 0.5 / 4, END: 1 / 4}  # kept, of the tokens that stand before each
    unigram = {token: kept + (0.5 + 0.5 + 1.0) / 4 / 3 for token, kept in unigram.items()}
    after_1 = {2: (2 - 1.7) / 3, END: (1 - 0.2) / 3, 1: 0.0}
    for token, kept in after_1.items():
        assert model.probability((1,), token) == pytest.approx(kept + (1.7 + 0.2) / 3 * unigram[token])


def test_longer_context_tells_more_of_what_depends_on_it() -> None:
    generator = random.Random(1)
    lines = []
    for _ in range(500):
        a, b = generator.choice([1, 2]), generator.choice([3, 4])
        lines.append([a, b, 5 if (a, b) in ((1, 3), (2, 4)) else 6])  # neither alone tells it
    held_out = lines[:50]
    losses = [-sum(map(KneserNey(lines[50:], order, 7).log_prob, held_out)) for order in (1, 2, 3)]
    assert losses[2] < 0.7 * losses[1] < losses[0]
