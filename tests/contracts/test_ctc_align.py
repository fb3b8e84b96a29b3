"""Forced alignment equals the best of all paths that spell the text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.search.ctc_align import CTCAlignment, ctc_align
from tests.closeness import assert_close
from tests.contracts.ctc_paths import Text, collapse, log_softmax, paths

VOCABULARY_SIZE = 4
CASES: list[tuple[int, Text]] = [
    (5, (1, 2)),
    (5, (3, 3)),
    (4, ()),
    (3, (2, 2)),
    (3, (1, 2, 3)),
    (5, (2, 1, 2)),
    (2, (1, 1)),
    (0, ()),
    (0, (1,)),
    (1, (3,)),
]
SIGNATURE = [
    tf.TensorSpec([None, None, VOCABULARY_SIZE]),
    tf.TensorSpec([None], tf.int32),
    tf.TensorSpec([None, None], tf.int32),
    tf.TensorSpec([None], tf.int32),
]


def batch(cases: list[tuple[int, Text]], blank_id: int = 0, padding: int = 0) -> list[tf.Tensor]:
    """The frames of a case depend on its place among all cases alone; padding is no number, or noise."""
    frames = max(length for length, _ in cases) + padding
    width = max(len(text) for _, text in cases) + padding
    log_probs = np.full((len(cases), frames, VOCABULARY_SIZE), np.nan)
    ids = np.random.default_rng(1).integers(0, 9, (len(cases), width))
    for b, (length, text) in enumerate(cases):
        generator = np.random.default_rng(CASES.index((length, text)))
        log_probs[b, :length] = log_softmax(generator.normal(size=(length, VOCABULARY_SIZE)) * 2)
        ids[b, : len(text)] = [(label + blank_id) % VOCABULARY_SIZE for label in text]
    return [
        tf.constant(log_probs, tf.float32),
        tf.constant([length for length, _ in cases]),
        tf.constant(ids, tf.int32),
        tf.constant([len(text) for _, text in cases]),
    ]


def spans(path: tuple[int, ...], blank_id: int) -> list[tuple[int, int]]:
    """First frame and the frame after the last, of each run of a label that is not the blank."""
    found: list[tuple[int, int]] = []
    for t, label in enumerate(path):
        if label == blank_id:
            continue
        if t > 0 and path[t - 1] == label:
            found[-1] = (found[-1][0], t + 1)
        else:
            found.append((t, t + 1))
    return found


def found_spans(result: CTCAlignment, b: int) -> list[tuple[int, int]]:
    return list(zip(result.start_frame[b].numpy().tolist(), result.end_frame[b].numpy().tolist()))


@pytest.mark.parametrize("blank_id", [0, 2])
def test_the_best_of_all_paths(blank_id: int) -> None:
    log_probs, length, ids, ids_length = batch(CASES, blank_id)
    result = ctc_align(log_probs, length, ids, ids_length, blank_id)
    for b, (frames, text) in enumerate(CASES):
        labels = tuple((label + blank_id) % VOCABULARY_SIZE for label in text)
        spelling = [
            (log_prob, path)
            for path, log_prob in paths(log_probs[b, :frames].numpy().astype(np.float64))
            if collapse(path, blank_id) == labels and frames > 0
        ]
        assert bool(result.possible[b]) == bool(spelling)
        expected: list[tuple[int, int]] = []
        if spelling:
            log_prob, path = max(spelling)
            expected = spans(path, blank_id)
            assert_close(result.log_prob[b], log_prob)
        else:
            assert result.log_prob[b] == np.finfo(np.float32).min
        padding = [(0, 0)] * (ids.shape[1] - len(expected))
        assert found_spans(result, b) == expected + padding


def test_one_graph_in_which_padding_and_batch_mates_do_not_matter() -> None:
    graph = tf.function(lambda *inputs: ctc_align(*inputs, blank_id=0), input_signature=SIGNATURE)
    together = graph(*batch(CASES, padding=2))
    for b, case in enumerate(CASES):
        alone = graph(*batch([case]))
        assert found_spans(together, b)[: len(case[1])] == found_spans(alone, 0)
        assert not np.any(found_spans(together, b)[len(case[1]) :])
        np.testing.assert_array_equal(together.log_prob[b], alone.log_prob[0])
        np.testing.assert_array_equal(together.possible[b], alone.possible[0])


def test_a_long_text_is_found_where_it_was_put() -> None:
    """Labels of three frames each, every second one after a blank, in 400 frames."""
    generator = np.random.default_rng(2)
    path, expected, ids = [0] * 5, [], []
    for n in range(100):
        label = int(generator.integers(1, 25))
        if n % 2 or (ids and ids[-1] == label):
            path.append(0)
        expected.append((len(path), len(path) + 3))
        path += [label] * 3
        ids.append(label)
    logits = generator.normal(size=(1, len(path), 25))
    logits[0, np.arange(len(path)), path] += 9.0
    inputs: list[Any] = [tf.nn.log_softmax(tf.constant(logits, tf.float32)), tf.constant([len(path)])]
    result = ctc_align(*inputs, tf.constant([ids]), tf.constant([len(ids)]), 0)
    assert found_spans(result, 0) == expected
