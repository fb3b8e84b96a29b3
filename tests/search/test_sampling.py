"""Sampling: the distribution of the draws, their reproducibility, their log-probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.search import SearchResult, sample
from tests.closeness import assert_close
from tests.search.fake_steps import SPECIAL_IDS, MarkovTable

DRAWS = 20_000


def first_tokens(**options: Any) -> tuple[np.ndarray, np.ndarray]:
    """How often each token was drawn first, and the probabilities of the model without start and pad."""
    step = MarkovTable()
    inputs = step.inputs([3] * (DRAWS // 4))
    result = sample(
        step, **inputs, seed=[3, 5], num_samples=4, max_length=tf.ones([DRAWS // 4], tf.int32), **options
    )
    tokens = np.where(result.lengths.numpy() == 0, SPECIAL_IDS.end, result.ids.numpy()[..., 0])
    logits = step.logits[3, 0, SPECIAL_IDS.start].astype(np.float64) / options.get("temperature", 1.0)
    logits[[SPECIAL_IDS.start, SPECIAL_IDS.pad]] = -np.inf
    probabilities = np.exp(logits - logits.max())
    return np.bincount(tokens.ravel(), minlength=8), probabilities / probabilities.sum()


def assert_drawn_from(counts: np.ndarray, probabilities: np.ndarray) -> None:
    """Pearson's chi-square test, at 0.001 with up to five degrees of freedom (critical value 20.5)."""
    assert counts.sum() == DRAWS
    possible = probabilities > 0
    assert counts[~possible].sum() == 0
    expected = DRAWS * probabilities[possible]
    assert (np.square(counts[possible] - expected) / expected).sum() < 20.5


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax(temperature: float) -> None:
    assert_drawn_from(*first_tokens(temperature=temperature))


def test_keep_count_cuts_to_the_likeliest() -> None:
    counts, probabilities = first_tokens(top_k=3)
    kept = np.where(probabilities >= np.sort(probabilities)[-3], probabilities, 0.0)
    assert_drawn_from(counts, kept / kept.sum())


def test_keep_mass_cuts_to_the_fewest_that_reach_it() -> None:
    counts, probabilities = first_tokens(top_p=0.9)
    order = np.argsort(-probabilities)
    count = 1 + int(np.searchsorted(np.cumsum(probabilities[order]), 0.9))
    kept = np.zeros_like(probabilities)
    kept[order[:count]] = probabilities[order[:count]]
    assert count == 3
    assert_drawn_from(counts, kept / kept.sum())


def run(seed: list[int], sentences: int = 6) -> SearchResult:
    step = MarkovTable()
    return sample(
        step,
        **step.inputs(range(sentences)),
        seed=seed,
        num_samples=5,
        max_length=tf.fill([sentences], 9),
        temperature=1.5,
    )


def test_the_seed_decides() -> None:
    first, again, other = run([1, 2]), run([1, 2]), run([1, 3])
    np.testing.assert_array_equal(first.ids, again.ids)
    np.testing.assert_array_equal(first.scores, again.scores)
    assert np.any(first.scores.numpy() != other.scores.numpy())


def test_batch_mates_do_not_matter() -> None:
    many, few = run([1, 2]), run([1, 2], sentences=2)
    assert_close(many.log_probs[:2], few.log_probs)
    np.testing.assert_array_equal(many.ids[:2, :, : few.ids.shape[2]], few.ids)


def test_log_probs_are_the_models_and_sorted() -> None:
    result, step = run([1, 2]), MarkovTable()
    for b, k in np.ndindex(6, 5):
        length = int(result.lengths[b, k])
        tokens = result.ids[b, k, :length].numpy().tolist() + [SPECIAL_IDS.end] * (length < 9)
        assert_close(result.log_probs[b, k], step.log_probs(b, tokens).sum())
    np.testing.assert_array_equal(result.log_probs, -np.sort(-result.log_probs.numpy(), axis=1))
    np.testing.assert_array_equal(result.scores, result.log_probs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 0}, "num_samples must be at least 1"),
        ({"temperature": 0.0}, "temperature must be positive"),
        ({"top_k": -1}, "top_k must not be negative"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"top_p": 1.5}, "top_p must be above 0 and at most 1, not 1.5"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str) -> None:
    step = MarkovTable()
    with pytest.raises(ValueError, match=message):
        sample(step, **step.inputs([0]), seed=[1, 2], max_length=tf.constant([3]), **options)
