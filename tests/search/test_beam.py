"""Beam search against the same search in plain Python, hypothesis by hypothesis."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.search import SearchResult, beam_search
from tests.closeness import assert_close
from tests.search.fake_steps import SPECIAL_IDS, MarkovTable

LOWEST = np.finfo(np.float32).min


class Hypothesis(NamedTuple):
    tokens: tuple[int, ...]  # with the end
    log_prob: float
    score: float

    @property
    def ended(self) -> bool:
        return self.tokens[-1:] == (SPECIAL_IDS.end,)

    @property
    def ids(self) -> list[int]:
        return list(self.tokens[:-1] if self.ended else self.tokens)


def plain_beam_search(
    step: MarkovTable,
    table: int,
    *,
    beam_width: int,
    max_length: int,
    min_length: int = 0,
    length_penalty: float = 1.0,
    coverage_penalty: float = 0.0,
    stop_early: bool = True,
) -> list[Hypothesis]:
    vocabulary_size = step.logits.shape[-1]

    def hypothesis(tokens: tuple[int, ...]) -> Hypothesis:
        log_prob = step.log_probs(table, list(tokens)).sum()
        coverage = attention(step, table, tokens).sum(0)
        cost = coverage_penalty * np.log(np.minimum(coverage, 1)).sum()
        return Hypothesis(tokens, log_prob, log_prob / len(tokens) ** length_penalty + cost)

    alive: list[Hypothesis] = [Hypothesis((), 0.0, 0.0)]
    finished: list[Hypothesis] = []
    for time in range(max_length):
        banned = {SPECIAL_IDS.pad, SPECIAL_IDS.start} | ({SPECIAL_IDS.end} if time < min_length else set())
        candidates = [
            hypothesis((*parent.tokens, token))
            for parent in alive
            for token in range(vocabulary_size)
            if token not in banned
        ]
        candidates.sort(key=lambda candidate: -candidate.log_prob)
        finished += [candidate for candidate in candidates[:beam_width] if candidate.ended]
        alive = [candidate for candidate in candidates if not candidate.ended][:beam_width]
        if time + 1 == max_length:
            finished += alive
        finished = sorted(finished, key=lambda candidate: -candidate.score)[:beam_width]
        if len(finished) == beam_width:
            attainable = (
                max(candidate.score for candidate in alive)
                if stop_early
                else alive[0].log_prob / max_length**length_penalty
            )
            if attainable <= finished[-1].score:
                break
    return finished


def attention(step: MarkovTable, table: int, tokens: Any) -> np.ndarray:
    """[T, S]: the alignments with which ``tokens`` are chosen."""
    lasts = [SPECIAL_IDS.start, *tokens][: len(tokens)]
    return np.stack([step.alignments[table, time, last] for time, last in enumerate(lasts)])


def assert_equal(result: SearchResult, expected: list[list[Hypothesis]]) -> None:
    for b, hypotheses in enumerate(expected):
        lengths = result.lengths[b].numpy()
        found = [result.ids[b, k, : lengths[k]].numpy().tolist() for k in range(len(hypotheses))]
        assert found == [hypothesis.ids for hypothesis in hypotheses]
        for name in ("log_prob", "score"):
            values = getattr(result, f"{name}s")[b, : len(hypotheses)]
            assert_close(values, [getattr(h, name) for h in hypotheses])
        assert np.all(result.scores[b, len(hypotheses) :] == LOWEST)
        past = np.arange(result.ids.shape[2]) >= lengths[:, np.newaxis]
        assert np.all(result.ids[b].numpy()[past] == SPECIAL_IDS.pad)


@pytest.mark.parametrize("beam_width", [1, 2, 5])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
@pytest.mark.parametrize("stop_early", [True, False])
@pytest.mark.parametrize("coverage_penalty", [0.0, 0.2])
def test_equals_plain_python(
    beam_width: int, length_penalty: float, stop_early: bool, coverage_penalty: float
) -> None:
    step = MarkovTable()
    tables, max_length, min_length = range(6), [9, 1, 7, 4, 8, 9], [0, 0, 3, 2, 0, 5]
    options: dict[str, Any] = {
        "beam_width": beam_width,
        "length_penalty": length_penalty,
        "stop_early": stop_early,
        "coverage_penalty": coverage_penalty,
    }
    search = tf.function(
        lambda: beam_search(
            step,
            **step.inputs(tables),
            **options,
            max_length=tf.constant(max_length),
            min_length=tf.constant(min_length),
            memory_mask=tf.ones([len(tables), 4], tf.bool),
        )
    )
    assert_equal(
        search(),
        [
            plain_beam_search(step, table, **options, max_length=max_length[b], min_length=min_length[b])
            for b, table in enumerate(tables)
        ],
    )


def test_alignments_are_those_of_the_tokens() -> None:
    step = MarkovTable()
    result = beam_search(
        step,
        **step.inputs(range(6)),
        beam_width=3,
        max_length=tf.constant([9, 1, 7, 4, 8, 9]),
        return_alignments=True,
    )
    expected = np.zeros(result.alignments.shape, np.float32)
    for b, k in np.ndindex(6, 3):
        length = result.lengths[b, k].numpy()
        if length:
            expected[b, k, :length] = attention(step, b, result.ids[b, k, :length].numpy())
    np.testing.assert_array_equal(result.alignments, expected)
    assert len(np.unique(result.lengths)) > 2


def test_masked_memory_costs_no_coverage() -> None:
    step = MarkovTable()
    step.alignments[..., 3] = 0.0
    options: dict[str, Any] = {"beam_width": 3, "max_length": tf.fill([6], 8), "coverage_penalty": 0.5}
    masked = beam_search(
        step, **step.inputs(range(6)), **options, memory_mask=tf.constant([[True] * 3 + [False]] * 6)
    )
    step.alignments = step.alignments[..., :3]
    without = beam_search(step, **step.inputs(range(6)), **options, memory_mask=tf.ones([6, 3], tf.bool))
    np.testing.assert_array_equal(masked.ids, without.ids)
    assert_close(masked.scores, without.scores)


class Unigram:
    """A scorer whose scores depend on the last token, its sentence and how often it was asked."""

    def __init__(self, step: MarkovTable, tables: Any, weight: float) -> None:
        self.step, self.weight = step, weight
        inputs = step.inputs(tables)
        self.initial_state, self.memory = inputs["state"], inputs["memory"]

    def score(self, ids: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any]:
        logits, next_state, _ = self.step(ids, state, memory)
        return self.weight * tf.nn.log_softmax(logits), next_state


@pytest.mark.parametrize("weights", [[1.0], [0.5, 0.25]])
def test_scorers_add_up(weights: list[float]) -> None:
    """Searching with scorers is searching the sum of all log-probabilities, which a table can hold too."""
    step = MarkovTable()
    languages = [MarkovTable(seed=seed) for seed in range(1, 1 + len(weights))]
    total = MarkovTable()
    total.logits = tf.nn.log_softmax(step.logits).numpy() + sum(
        weight * tf.nn.log_softmax(language.logits).numpy() for weight, language in zip(weights, languages)
    )
    total.log_probs = lambda table, tokens: np.array(  # type: ignore[method-assign]
        [
            total.logits[table, t, last, token]
            for t, (last, token) in enumerate(zip([SPECIAL_IDS.start, *tokens], tokens))
        ]
    )
    tables = [0, 3, 1, 4]
    result = beam_search(
        step,
        **step.inputs(tables),
        beam_width=3,
        max_length=tf.fill([4], 7),
        scorers=[Unigram(language, tables, weight) for weight, language in zip(weights, languages)],
    )
    assert_equal(result, [plain_beam_search(total, table, beam_width=3, max_length=7) for table in tables])


class Insistent:
    """A scorer that allows one word only, however unlikely."""

    initial_state, memory = (), ()

    def score(self, ids: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any]:
        return tf.tile(tf.one_hot([5], 8, on_value=0.0, off_value=-1e9), [tf.size(ids), 1]), state


def test_a_scorer_may_overrule_the_model() -> None:
    step = MarkovTable()
    step.logits[..., 5] -= 300.0  # a probability that float32 cannot hold
    result = beam_search(
        step, **step.inputs([0]), beam_width=1, max_length=tf.constant([3]), scorers=[Insistent()]
    )
    np.testing.assert_array_equal(result.ids[0, 0], [5, 5, 5])
    assert_close(result.log_probs[0, 0], step.log_probs(0, [5, 5, 5]).sum())


def test_start_and_pad_are_never_emitted_though_likeliest() -> None:
    step = MarkovTable()
    step.logits[..., [SPECIAL_IDS.start, SPECIAL_IDS.pad]] += 10.0
    result = beam_search(
        step, **step.inputs(range(6)), beam_width=4, max_length=tf.fill([6], 6), length_penalty=0.0
    )
    inside = np.arange(result.ids.shape[2]) < result.lengths.numpy()[..., np.newaxis]
    assert not np.isin(result.ids.numpy()[inside], SPECIAL_IDS).any()
    expected = [
        plain_beam_search(step, table, beam_width=4, max_length=6, length_penalty=0.0) for table in range(6)
    ]
    assert_equal(result, expected)


def test_fewer_hypotheses_than_places() -> None:
    step = MarkovTable(vocabulary_size=5)  # two tokens besides the end
    result = beam_search(step, **step.inputs([0]), beam_width=8, max_length=tf.constant([2]))
    exist = 1 + 2 + 4
    assert np.all(result.scores[0, :exist] > LOWEST)
    np.testing.assert_array_equal(result.scores[0, exist:], LOWEST)
    np.testing.assert_array_equal(result.log_probs[0, exist:], LOWEST)
    np.testing.assert_array_equal(result.lengths[0, exist:], 0)


def test_no_sentences() -> None:
    step = MarkovTable()
    empty = tf.zeros([0], tf.int32)
    result = beam_search(step, **step.inputs(empty), beam_width=3, max_length=empty, return_alignments=True)
    assert result.ids.shape == (0, 3, 1)
    assert result.scores.shape == (0, 3)


def test_nothing_but_the_end() -> None:
    step = MarkovTable()
    step.logits[..., SPECIAL_IDS.end] += 50.0
    search = tf.function(
        lambda: beam_search(
            step, **step.inputs([0, 1]), beam_width=1, max_length=tf.constant([5, 5]), return_alignments=True
        )
    )
    result = search()
    np.testing.assert_array_equal(result.lengths, [[0], [0]])
    np.testing.assert_array_equal(result.ids, np.full([2, 1, 1], SPECIAL_IDS.pad))
    np.testing.assert_array_equal(result.alignments, np.zeros([2, 1, 1, 4]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_width": 0}, "beam_width must be at least 1, not 0"),
        ({"beam_width": 2, "length_penalty": -1.0}, "must not be negative"),
        ({"beam_width": 2, "coverage_penalty": 0.1}, "needs memory_mask"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str) -> None:
    step = MarkovTable()
    with pytest.raises(ValueError, match=message):
        beam_search(step, **step.inputs([0]), max_length=tf.constant([3]), **options)


def test_alignments_asked_of_a_step_that_has_none() -> None:
    step = MarkovTable()
    with pytest.raises(ValueError, match="returns no alignments"):
        beam_search(
            lambda *arguments: (*step(*arguments)[:2], None),
            **step.inputs([0]),
            beam_width=2,
            max_length=tf.constant([3]),
            return_alignments=True,
        )
