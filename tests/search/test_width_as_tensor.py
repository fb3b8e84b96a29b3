"""One graph serves every beam width and length penalty, and finds what numbers find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.search import SearchResult, beam_search
from seq2seq.search.top_k import fast_top_k
from tests.closeness import assert_close
from tests.search.fake_steps import MarkovTable


@pytest.mark.parametrize("vocabulary_size", [8, 384], ids=["few tokens", "tokens in groups"])
def test_tensors_find_what_numbers_find(vocabulary_size: int) -> None:
    step = MarkovTable(vocabulary_size=vocabulary_size)
    max_length = tf.constant([7, 1, 5, 9, 4, 3])
    mask = tf.sequence_mask([4, 2, 3, 4, 1, 4], 4)

    def search(width: Any, penalty: Any) -> SearchResult:
        return beam_search(
            step,
            **step.inputs(range(6)),
            max_length=max_length,
            beam_width=width,
            length_penalty=penalty,
            coverage_penalty=0.2,
            memory_mask=mask,
            return_alignments=True,
        )

    graph = tf.function(search, input_signature=[tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32)])
    for width, penalty in [(1, 0.0), (1, 1.0), (2, 0.6), (5, 0.0), (6, 1.3)]:
        found, expected = graph(width, penalty), search(width, penalty)
        for name in SearchResult._fields:
            assert_close(getattr(found, name), getattr(expected, name), name=f"{width} {name}")
    assert graph.experimental_get_tracing_count() == 1


def test_top_k_of_a_tensor_takes_the_same_way_as_that_of_a_number() -> None:
    values = tf.random.stateless_normal([3, 384], seed=[1, 2])
    graph = tf.function(lambda k: fast_top_k(values, k), input_signature=[tf.TensorSpec([], tf.int32)])
    for k in (1, 5, 6, 40):
        for found, expected in zip(graph(k), fast_top_k(values, k)):
            np.testing.assert_array_equal(found, expected)
