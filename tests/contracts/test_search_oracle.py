"""Search equals its oracles: enumeration of everything there is to find, and TensorFlow Addons' beam search.

The step is a small recurrent net with attention, computed in TensorFlow and, in double precision, in NumPy.
"""

from __future__ import annotations

import itertools
from typing import Any, Callable

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.search import (
    SearchResult,
    SpecialIds,
    average_length_penalty,
    beam_search,
    gnmt_length_penalty,
    greedy_search,
)
from tests.addons import needs_addons, tfa
from tests.closeness import assert_close

SPECIAL_IDS = SpecialIds(start=2, end=3, pad=0)
VOCABULARY_SIZE = 6
WORDS = [1, 4, 5]
UNITS, MEMORY_SIZE, BATCH_SIZE = 4, 3, 5
LIMIT = 4
EVERYTHING = 1 + 3 + 9 + 27 + 81  # ended with up to three words, or cut off with four


class RecurrentNet:
    """``h' = tanh(W h + E[id])``, attention over the memory, logits from both but for start and pad."""

    def __init__(self, end_bonus: float = 0.0) -> None:
        generator = np.random.default_rng(4)
        self.embedding = generator.normal(size=(VOCABULARY_SIZE, UNITS))
        self.kernel = generator.normal(size=(UNITS, UNITS))
        self.output = generator.normal(size=(2 * UNITS, VOCABULARY_SIZE)) * 2
        self.bias = np.zeros(VOCABULARY_SIZE)
        self.bias[[SPECIAL_IDS.start, SPECIAL_IDS.pad]] = -1e4
        self.bias[SPECIAL_IDS.end] = end_bonus
        self.state = generator.normal(size=(BATCH_SIZE, UNITS))
        self.memory = generator.normal(size=(BATCH_SIZE, MEMORY_SIZE, UNITS))

    def step(self, ids: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor]:
        embedding, kernel, output, bias = (
            tf.constant(weights, tf.float32)
            for weights in (self.embedding, self.kernel, self.output, self.bias)
        )
        h = tf.tanh(state @ kernel + tf.gather(embedding, ids))
        alignments = tf.nn.softmax(tf.einsum("nd,nsd->ns", h, memory))
        context = tf.einsum("ns,nsd->nd", alignments, memory)
        return tf.concat([h, context], axis=1) @ output + bias, h, alignments

    def trace(self, sentence: int, tokens: tuple[int, ...]) -> tuple[float, np.ndarray]:
        """The log-probability of ``tokens`` and the alignments [T, S] with which they were chosen."""
        h, total, alignments = self.state[sentence], 0.0, []
        for last, token in zip((SPECIAL_IDS.start, *tokens), tokens):
            h = np.tanh(h @ self.kernel + self.embedding[last])
            weights = np.exp(self.memory[sentence] @ h)
            alignments.append(weights / weights.sum())
            logits = np.concatenate([h, alignments[-1] @ self.memory[sentence]]) @ self.output + self.bias
            total += logits[token] - np.log(np.exp(logits).sum())
        return total, np.array(alignments)

    def inputs(self, max_length: Any = LIMIT) -> dict[str, Any]:
        return {
            "state": tf.constant(self.state, tf.float32),
            "memory": tf.constant(self.memory, tf.float32),
            "special_ids": SPECIAL_IDS,
            "max_length": tf.broadcast_to(tf.constant(max_length), [BATCH_SIZE]),
        }


def enumerate_all(max_length: int, min_length: int) -> list[tuple[int, ...]]:
    """Every token sequence there is: ended before the limit, or as long as the limit."""
    ended = [
        (*words, SPECIAL_IDS.end)
        for length in range(min_length, max_length)
        for words in itertools.product(WORDS, repeat=length)
    ]
    return ended + list(itertools.product(WORDS, repeat=max_length))


@pytest.mark.parametrize(
    ("penalty", "alpha", "beta"),
    [
        (average_length_penalty, 0.0, 0.0),
        (average_length_penalty, 1.0, 0.0),
        (average_length_penalty, 0.6, 0.3),
        (gnmt_length_penalty, 1.2, 0.0),
    ],
)
@pytest.mark.parametrize(
    ("max_length", "min_length"), [([4] * 5, [0] * 5), ([4, 1, 3, 2, 4], [0, 0, 2, 3, 1])]
)
def test_a_beam_that_holds_everything_finds_everything_in_order(
    penalty: Callable[[Any, float], Any],
    alpha: float,
    beta: float,
    max_length: list[int],
    min_length: list[int],
) -> None:
    net = RecurrentNet()
    result = tf.function(
        lambda: beam_search(
            net.step,
            **net.inputs(max_length),
            beam_width=EVERYTHING,
            min_length=tf.constant(min_length),
            length_penalty=alpha,
            length_penalty_function=penalty,
            coverage_penalty=beta,
            memory_mask=tf.ones([BATCH_SIZE, MEMORY_SIZE], tf.bool),
            return_alignments=True,
        )
    )()
    divisors = penalty(tf.range(LIMIT + 1.0), alpha).numpy()
    result = tf.nest.map_structure(lambda tensor: tensor.numpy(), result)
    for b in range(BATCH_SIZE):
        expected = []
        for tokens in enumerate_all(max_length[b], min_length[b]):
            log_prob, alignments = net.trace(b, tokens)
            divisor = divisors[len(tokens)]
            coverage = np.log(np.minimum(alignments.sum(0), 1)).sum()
            ids = tuple(token for token in tokens if token != SPECIAL_IDS.end)
            expected.append((log_prob / divisor + beta * coverage, log_prob, ids, alignments[: len(ids)]))
        expected.sort(key=lambda hypothesis: -hypothesis[0])
        scores, log_probs, ids, alignments = zip(*expected)
        count = len(expected)
        assert_close(result.scores[b, :count], scores)
        assert_close(result.log_probs[b, :count], log_probs)
        assert [trimmed(result.ids, result.lengths, b, k) for k in range(count)] == list(ids)
        for k, one in enumerate(alignments):
            if len(one):
                assert_close(result.alignments[b, k, : len(one)], one)
            assert not result.alignments[b, k, len(one) :].any()
        assert np.all(result.scores[b, count:] == np.finfo(np.float32).min)


def trimmed(ids: Any, lengths: Any, b: int, k: int) -> tuple[int, ...]:
    return tuple(np.asarray(ids)[b, k, : lengths[b, k]].tolist())


def test_a_beam_of_one_without_length_penalty_is_greedy() -> None:
    net = RecurrentNet()
    greedy = greedy_search(net.step, **net.inputs(12))
    beam = beam_search(net.step, **net.inputs(12), beam_width=1, length_penalty=0.0)
    np.testing.assert_array_equal(greedy.ids, beam.ids)
    assert_close(greedy.log_probs, beam.log_probs)
    for b in range(BATCH_SIZE):
        tokens: tuple[int, ...] = ()
        while len(tokens) < 12 and SPECIAL_IDS.end not in tokens:
            tokens += (max(range(VOCABULARY_SIZE), key=lambda token: net.trace(b, (*tokens, token))[0]),)
        assert trimmed(greedy.ids, greedy.lengths, b, 0) == tuple(t for t in tokens if t != SPECIAL_IDS.end)


class Cell(keras.layers.AbstractRNNCell):
    """The net as TensorFlow Addons' decoders want it: the memory travels with the state, as vectors."""

    def __init__(self, net: RecurrentNet) -> None:
        super().__init__()
        self.net = net

    @property
    def state_size(self) -> list[Any]:
        return [tf.TensorShape([UNITS]), tf.TensorShape([MEMORY_SIZE * UNITS])]

    @property
    def output_size(self) -> int:
        return VOCABULARY_SIZE

    def call(self, inputs: tf.Tensor, states: Any) -> Any:
        memory = tf.reshape(states[1], [-1, MEMORY_SIZE, UNITS])
        logits, h, _ = self.net.step(tf.argmax(inputs, axis=1, output_type=tf.int32), states[0], memory)
        return logits, [h, states[1]]


def addons_beam_search(net: RecurrentNet, beam_width: int, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids [B, K, T] with ends, and scores [B, K]."""
    decoder = tfa.seq2seq.BeamSearchDecoder(
        Cell(net),
        beam_width,
        embedding_fn=lambda ids: tf.one_hot(ids, VOCABULARY_SIZE),
        maximum_iterations=limit,
    )
    state = [
        tfa.seq2seq.tile_batch(tf.constant(values, tf.float32), beam_width)
        for values in (net.state, net.memory.reshape([BATCH_SIZE, -1]))
    ]
    outputs, _, _ = decoder(
        None,
        start_tokens=tf.fill([BATCH_SIZE], SPECIAL_IDS.start),
        end_token=SPECIAL_IDS.end,
        initial_state=state,
    )
    scores = outputs.beam_search_decoder_output.scores
    return np.transpose(outputs.predicted_ids, [0, 2, 1]), scores[:, -1].numpy()


def assert_equals_addons(result: SearchResult, ids: np.ndarray, scores: np.ndarray) -> None:
    assert_close(result.scores, scores)
    for b, k in np.ndindex(scores.shape):
        words = tuple(itertools.takewhile(lambda token: token != SPECIAL_IDS.end, ids[b, k].tolist()))
        assert trimmed(result.ids, result.lengths, b, k) == words


@needs_addons
def test_equals_addons_where_nothing_is_pruned() -> None:
    """Without length penalty: there, Addons does not count the end."""
    net = RecurrentNet()
    result = beam_search(net.step, **net.inputs(), beam_width=EVERYTHING, length_penalty=0.0)
    assert_equals_addons(result, *addons_beam_search(net, EVERYTHING, LIMIT))


@needs_addons
@pytest.mark.parametrize("beam_width", [1, 2, 3, 5])
def test_equals_addons_where_nothing_ends(beam_width: int) -> None:
    """What differs between the two is the place of finished hypotheses; without any, pruning is the same."""
    net = RecurrentNet(end_bonus=-1e4)
    result = beam_search(net.step, **net.inputs(9), beam_width=beam_width, length_penalty=0.0)
    assert_equals_addons(result, *addons_beam_search(net, beam_width, 9))
    np.testing.assert_array_equal(result.lengths, np.full([BATCH_SIZE, beam_width], 9))
