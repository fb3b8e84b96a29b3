"""CTC's own searches equal enumeration of all paths."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.search import SearchResult
from seq2seq.search.ctc import ctc_greedy, ctc_prefix_beam
from tests.closeness import assert_close
from tests.contracts.ctc_paths import Text, collapse, log_softmax, paths, text_log_probs

LENGTHS = (5, 1, 0, 3, 5)
LOWEST = np.finfo(np.float32).min
SIGNATURE = [tf.TensorSpec([None, None, 3]), tf.TensorSpec([None], tf.int32)]


def frames(padding: int = 0, sharpness: float = 2.0) -> np.ndarray:
    """[B, T, 3]; padding is noise, NaN among it."""
    values = np.random.default_rng(3).normal(size=(len(LENGTHS), max(LENGTHS) + padding, 3)) * sharpness
    for b, length in enumerate(LENGTHS):
        values[b] = np.random.default_rng(b + 10).normal(size=values[b].shape) * sharpness
        values[b, :length] = log_softmax(values[b, :length])
        values[b, length:] = np.nan
    return values.astype(np.float32)


def spelt(result: SearchResult, b: int) -> list[Text]:
    return [
        tuple(result.ids[b, k, : result.lengths[b, k]].numpy().tolist())
        for k in range(result.ids.shape[1])
        if result.scores[b, k] > LOWEST
    ]


def assert_padded_with(result: SearchResult, blank_id: int) -> None:
    for b, k in np.ndindex(*result.lengths.shape):
        assert np.all(result.ids[b, k, result.lengths[b, k] :].numpy() == blank_id)


@pytest.mark.parametrize("blank_id", [0, 1, 2])
def test_a_full_beam_finds_every_text_in_order(blank_id: int) -> None:
    result = ctc_prefix_beam(tf.constant(frames()), tf.constant(LENGTHS), blank_id, 60)
    for b, length in enumerate(LENGTHS):
        expected = text_log_probs(frames()[b, :length], blank_id)
        texts = sorted(expected, key=expected.__getitem__, reverse=True)
        assert spelt(result, b) == texts
        assert_close(result.scores[b, : len(texts)], [expected[text] for text in texts])
        assert np.all(result.scores[b, len(texts) :] == LOWEST)
    np.testing.assert_array_equal(result.scores, result.log_probs)
    assert_padded_with(result, blank_id)


@pytest.mark.parametrize("blank_id", [0, 1, 2])
def test_greedy_is_the_text_of_the_likeliest_path(blank_id: int) -> None:
    result = ctc_greedy(tf.constant(frames()), tf.constant(LENGTHS), blank_id)
    assert result.ids.shape[:2] == (len(LENGTHS), 1)
    for b, length in enumerate(LENGTHS):
        path, log_prob = max(paths(frames()[b, :length]), key=lambda one: one[1])
        assert spelt(result, b) == [collapse(path, blank_id)]
        assert_close(result.scores[b, 0], log_prob)
    assert_padded_with(result, blank_id)


def test_a_beam_finds_what_greedy_misses() -> None:
    """The likeliest path is all blanks; more paths spell a one (Graves 2006, figure 2)."""
    log_probs, length = tf.math.log([[[0.6, 0.4], [0.6, 0.4]]]), tf.constant([2])
    assert spelt(ctc_greedy(log_probs, length, 0), 0) == [()]
    result = ctc_prefix_beam(log_probs, length, 0, 2)
    assert spelt(result, 0) == [(1,), ()]
    assert_close(np.exp(result.scores), [[0.64, 0.36]])


@pytest.mark.parametrize(
    "search", [ctc_greedy, lambda *inputs: ctc_prefix_beam(*inputs, beam_width=3)], ids=["greedy", "beam"]
)
def test_one_graph_in_which_batch_mates_and_padding_do_not_matter(search: Callable[..., Any]) -> None:
    graph = tf.function(lambda log_probs, length: search(log_probs, length, 0), input_signature=SIGNATURE)
    together = graph(tf.constant(frames(padding=3)), tf.constant(LENGTHS))
    for b, length in enumerate(LENGTHS):
        alone = graph(tf.constant(frames()[b : b + 1, :length]), tf.constant([length]))
        assert spelt(together, b) == spelt(alone, 0)
        assert_close(together.scores[b], alone.scores[0])


def test_a_beam_must_hold_something() -> None:
    with pytest.raises(ValueError, match="beam_width must be at least 1, not 0"):
        ctc_prefix_beam(tf.zeros([1, 1, 2]), tf.constant([1]), 0, 0)
