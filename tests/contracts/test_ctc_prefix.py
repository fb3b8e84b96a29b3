"""CTC prefix scores equal enumeration of all paths; with them a beam that holds everything finds everything."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.search import SearchResult, SpecialIds, beam_search, greedy_search
from seq2seq.search.ctc_prefix import CTCPrefixScorer
from tests.closeness import assert_close
from tests.contracts.ctc_paths import Text, log_softmax, prefix_log_probs, text_log_probs

SPECIAL_IDS = SpecialIds(start=2, end=3, pad=0)
BLANK, VOCABULARY_SIZE, WORDS = 0, 6, (1, 4, 5)
LENGTHS = (4, 1, 3, 0, 4)
LOWEST = np.finfo(np.float32).min
GRAPHS: dict[CTCPrefixScorer, Any] = {}


def frames(padding: int = 0) -> np.ndarray:
    """[B, T, V] log-probabilities; padding is noise. CTC never emits start and end, as it is never taught to."""
    values = np.random.default_rng(7).normal(size=(len(LENGTHS), max(LENGTHS), VOCABULARY_SIZE)) * 2
    values[:, :, [SPECIAL_IDS.start, SPECIAL_IDS.end]] = -60.0
    values = log_softmax(values)
    noise = np.random.default_rng(8).normal(size=(len(LENGTHS), padding, VOCABULARY_SIZE))
    values = np.concatenate([values, noise], axis=1)
    for b, length in enumerate(LENGTHS):
        values[b, length:] = np.random.default_rng(b).normal(size=VOCABULARY_SIZE) * 9
    return values.astype(np.float32)


def scorer(padding: int = 0, rows: Any = slice(None), **options: Any) -> CTCPrefixScorer:
    return CTCPrefixScorer(
        tf.constant(frames(padding)[rows]),
        tf.constant(np.array(LENGTHS)[rows], tf.int32),
        blank_id=BLANK,
        special_ids=SPECIAL_IDS,
        **{"weight": 1.0, **options},
    )


@functools.cache
def after(scorer: CTCPrefixScorer, tokens: Text) -> tuple[np.ndarray, Any]:
    """The scores [B, V] of what may follow tokens that were chosen one by one, and the state behind them."""
    last, state = SPECIAL_IDS.start, scorer.initial_state
    if tokens:
        last, (_, state) = tokens[-1], after(scorer, tokens[:-1])
    score = GRAPHS.setdefault(scorer, tf.function(scorer.score))
    scores, state = score(tf.fill([len(state.last)], last), state, scorer.memory)
    return scores.numpy(), state


def walk(scorer: CTCPrefixScorer, tokens: Text) -> tuple[np.ndarray, list[np.ndarray]]:
    """The summed scores [B] of tokens that were chosen one by one, and the scores [B, V] at every step."""
    steps = [after(scorer, tokens[:n])[0] for n in range(len(tokens))]
    total = sum(scores[:, token].astype(np.float64) for scores, token in zip(steps, tokens))
    return total, steps  # type: ignore[return-value]


@pytest.mark.parametrize("padding", [0, 3])
def test_scores_add_up_to_the_probability_of_every_prefix_and_text(padding: int) -> None:
    tested = scorer(padding)
    expected = [
        (prefix_log_probs(frame[:length].astype(np.float64), BLANK), text_log_probs(frame[:length], BLANK))
        for frame, length in zip(frames(), LENGTHS)
    ]
    for text in itertools.chain.from_iterable(itertools.product(WORDS, repeat=n) for n in range(6)):
        total, steps = walk(tested, (*text, SPECIAL_IDS.end))
        so_far = total - steps[-1][:, SPECIAL_IDS.end]
        for b, (prefixes, texts) in enumerate(expected):
            if text in prefixes:
                assert_close(so_far[b], prefixes[text], scale=max(1.0, -prefixes[text]))  # log 1 is 0
            else:
                assert so_far[b] <= LOWEST
            if text in texts:
                assert_close(total[b], texts[text], scale=max(1.0, -texts[text]))
            else:
                assert total[b] <= LOWEST
        assert all(np.all(step <= 0.0) for step in steps)  # and none is NaN


def test_long_sharp_frames_keep_their_digits() -> None:
    """Log-probabilities of minus hundreds, where single precision or a product of probabilities would fail."""
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(1, 500, 30)) * 12
    log_probs = log_softmax(logits).astype(np.float32)
    text = tuple(generator.integers(4, 30, 40).tolist())
    tested = CTCPrefixScorer(
        tf.constant(log_probs), tf.constant([500]), blank_id=0, special_ids=SPECIAL_IDS, weight=1.0
    )
    total, _ = walk(tested, (*text, SPECIAL_IDS.end))
    losses = tf.nn.ctc_loss(
        tf.constant([text]),
        log_probs,
        tf.constant([40]),
        tf.constant([500]),
        logits_time_major=False,
        blank_index=0,
    )
    assert losses[0] > 500
    assert_close(total, -losses.numpy())


def test_weight_multiplies_what_is_possible() -> None:
    whole, half = (walk(scorer(weight=weight), (1, 1, 4)) for weight in (1.0, 0.5))
    for one, other in zip(whole[1], half[1]):
        assert_close(np.where(one > LOWEST, 0.5 * one, LOWEST), other)


def test_candidates_are_exact_and_the_rest_is_not_underrated() -> None:
    everything, few = scorer(), scorer(candidates=2)
    assert few.memory.labels.shape[1] == 3
    best = few.memory.columns.numpy() < 2  # [B, V]
    assert (best.sum(1) == 2).all()
    assert not best[:, BLANK].any()
    for b, length in enumerate(LENGTHS):
        peaks = frames()[b, :length].max(0, initial=LOWEST)
        assert length == 0 or set(np.flatnonzero(best[b])) == set(np.argsort(peaks[1:])[-2:] + 1)
    for text in itertools.chain.from_iterable(itertools.product(WORDS, repeat=n) for n in range(4)):
        exact, _ = walk(everything, (*text, SPECIAL_IDS.end))
        bound, _ = walk(few, (*text, SPECIAL_IDS.end))
        kept = best[:, list(text)].all(1)
        assert_close(bound[kept], exact[kept])
        assert (bound >= exact - 1e-5).all()


class Attention:
    """Logits that depend on the last token and on the sentence."""

    def __init__(self) -> None:
        self.logits = np.random.default_rng(2).normal(size=(len(LENGTHS), VOCABULARY_SIZE, VOCABULARY_SIZE))

    def step(self, ids: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, None]:
        return tf.gather(memory, ids, batch_dims=1), state, None

    def log_prob(self, b: int, tokens: Text) -> float:
        rows = log_softmax(self.logits[b])
        return float(sum(rows[last, token] for last, token in zip((SPECIAL_IDS.start, *tokens), tokens)))


LIMIT = 4
EVERYTHING = sum(3**n for n in range(LIMIT)) + 3**LIMIT


@functools.cache
def joint_graph(weight: float, beam_width: int, candidates: int, **options: Any) -> Any:
    """A joint search as one graph for any batch, with everything as its input."""

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, VOCABULARY_SIZE])] * 2 + [tf.TensorSpec([None], tf.int32)]
    )
    def search(log_probs: tf.Tensor, logits: tf.Tensor, length: tf.Tensor) -> SearchResult:
        by_ctc = CTCPrefixScorer(
            log_probs,
            length,
            blank_id=BLANK,
            special_ids=SPECIAL_IDS,
            weight=weight,
            candidates=candidates,
        )
        return beam_search(
            Attention().step,
            state=(),
            memory=logits,
            special_ids=SPECIAL_IDS,
            max_length=tf.fill(tf.shape(length), LIMIT),
            beam_width=beam_width,
            length_penalty=0.0,
            scorers=[by_ctc],
            model_weight=1.0 - weight,
            **options,
        )

    return search


def joint_search(
    weight: float,
    beam_width: int = EVERYTHING,
    rows: Any = slice(None),
    padding: int = 0,
    candidates: int = 0,
    **options: Any,
) -> SearchResult:
    search = joint_graph(weight, beam_width, candidates, **options)
    return search(
        tf.constant(frames(padding)[rows]),
        tf.constant(Attention().logits[rows], tf.float32),
        tf.constant(np.array(LENGTHS)[rows], tf.int32),
    )


def spelt(result: SearchResult, b: int) -> list[Text]:
    return [
        tuple(result.ids[b, k, : result.lengths[b, k]].numpy().tolist())
        for k in range(result.ids.shape[1])
        if result.scores[b, k] > LOWEST
    ]


@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_a_beam_that_holds_everything_finds_everything_in_order_of_the_joint_score(weight: float) -> None:
    attention, result = Attention(), joint_search(weight, stop_early=False)
    for b, length in enumerate(LENGTHS):
        log_probs = frames()[b, :length].astype(np.float64)
        texts, prefixes = text_log_probs(log_probs, BLANK), prefix_log_probs(log_probs, BLANK)
        expected = []
        for n in range(LIMIT + 1):
            for text in itertools.product(WORDS, repeat=n):
                by_ctc, tokens = (texts, (*text, SPECIAL_IDS.end)) if n < LIMIT else (prefixes, text)
                if text in by_ctc:
                    total = weight * by_ctc[text] + (1 - weight) * attention.log_prob(b, tokens)
                    expected.append((total, text))
        expected.sort(reverse=True)
        scores, words = zip(*expected)
        assert spelt(result, b) == list(words)
        assert_close(result.scores[b, : len(scores)], scores)


def test_a_beam_of_one_is_greedy() -> None:
    attention, options = Attention(), {"scorers": [scorer(weight=0.4)], "model_weight": 0.6}
    greedy = greedy_search(
        attention.step,
        state=(),
        memory=tf.constant(attention.logits, tf.float32),
        special_ids=SPECIAL_IDS,
        max_length=tf.fill([len(LENGTHS)], LIMIT),
        **options,
    )
    beam = joint_search(0.4, beam_width=1)
    np.testing.assert_array_equal(greedy.ids, beam.ids)
    assert_close(greedy.scores, beam.scores)


@pytest.mark.parametrize(("static_steps", "candidates"), [(None, 0), (LIMIT, 0), (None, 2)])
def test_batch_mates_and_padding_do_not_matter(static_steps: int | None, candidates: int) -> None:
    """Sentences leave the batch as they end, and their frames with them."""
    options = {"candidates": candidates, "static_steps": static_steps}
    together = joint_search(0.3, 3, padding=2, **options)
    for b in range(len(LENGTHS)) if candidates == 0 else [0, 3]:
        alone = joint_search(0.3, 3, rows=[b], **options)
        assert spelt(together, b) == spelt(alone, 0)
        assert_close(together.scores[b], alone.scores[0])


def test_no_frames_at_all() -> None:
    nothing = tf.zeros([2, 0, VOCABULARY_SIZE])
    tested = CTCPrefixScorer(
        nothing, tf.constant([0, 0]), blank_id=BLANK, special_ids=SPECIAL_IDS, weight=1.0
    )
    _, (scores,) = walk(tested, (SPECIAL_IDS.end,))
    assert scores[:, SPECIAL_IDS.end].tolist() == [0.0, 0.0]
    assert (scores[:, list(WORDS)] == LOWEST).all()


@pytest.mark.parametrize("wrong", [{"weight": 0.0}, {"weight": 1.5}, {"candidates": -1}])
def test_values_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        scorer(**wrong)


def test_a_negative_model_weight_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model_weight must not be negative, not -0\.5"):
        beam_search(
            Attention().step,
            state=(),
            memory=(),
            special_ids=SPECIAL_IDS,
            max_length=tf.constant([1]),
            beam_width=1,
            model_weight=-0.5,
        )
