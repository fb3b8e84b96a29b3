"""Shallow fusion: a beam that holds everything finds what enumeration finds, whose scores are those of the model and of
the language model, computed apart."""

from __future__ import annotations

import functools

import pytest
import tensorflow as tf

from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.search import LanguageModelScorer, average_length_penalty, beam_search, greedy_search
from seq2seq.tasks.searching import special_ids
from seq2seq.tasks.translation.model import TranslationModel
from seq2seq.tasks.translation.scoring import PairScorer, fused_log_probs
from seq2seq.tasks.translation.translator import Translator
from seq2seq.text.train import train_tokenizer
from tests.closeness import assert_close
from tests.contracts.test_search_oracle import (
    BATCH_SIZE,
    EVERYTHING,
    LIMIT,
    SPECIAL_IDS,
    VOCABULARY_SIZE,
    RecurrentNet,
    enumerate_all,
    trimmed,
)
from tests.contracts.variants import VOCABULARY, build
from tests.search.toy_language_model import Trigrams

LINES = ["a b c", "d e f g h i j", "s"]
TOKENIZER = train_tokenizer(
    ["a b c d e f g h i j k l m n o p q r s"], kind="word", vocabulary_size=VOCABULARY
)


@functools.cache
def model() -> TranslationModel:
    return build("luong")


@pytest.mark.parametrize("alpha", [0.0, 0.8])
@pytest.mark.parametrize("weight", [0.0, 0.3, 2.0])
def test_the_best_of_all_that_can_be_enumerated_is_found(weight: float, alpha: float) -> None:
    net, language_model = RecurrentNet(), Trigrams(VOCABULARY_SIZE, SPECIAL_IDS.start)
    result = tf.function(
        lambda: beam_search(
            net.step,
            **net.inputs(),
            beam_width=EVERYTHING,
            length_penalty=alpha,
            scorers=[LanguageModelScorer(language_model, tf.constant(BATCH_SIZE), weight)],
        )
    )()
    divisors = average_length_penalty(tf.range(LIMIT + 1.0), alpha).numpy()
    for b in range(BATCH_SIZE):
        expected = []
        for tokens in enumerate_all(LIMIT, 0):
            log_prob = net.trace(b, tokens)[0] + weight * language_model.log_prob(tokens)
            divisor = divisors[len(tokens)]
            ids = tuple(token for token in tokens if token != SPECIAL_IDS.end)
            expected.append((log_prob / divisor, log_prob, ids))
        expected.sort(key=lambda hypothesis: -hypothesis[0])
        scores, log_probs, ids = zip(*expected)
        assert_close(result.scores[b, : len(expected)], scores)
        assert_close(result.log_probs[b, : len(expected)], log_probs)
        assert [trimmed(result.ids, result.lengths, b, k) for k in range(len(expected))] == list(ids)


def test_greedy_search_takes_the_best_token_of_both() -> None:
    net, language_model = RecurrentNet(), Trigrams(VOCABULARY_SIZE, SPECIAL_IDS.start)
    scorer = LanguageModelScorer(language_model, tf.constant(BATCH_SIZE), 0.7)
    found = greedy_search(net.step, **net.inputs(8), scorers=[scorer])
    for b in range(BATCH_SIZE):
        tokens: tuple[int, ...] = ()

        def fused(token: int, before: tuple[int, ...], b: int = b) -> float:
            return net.trace(b, (*before, token))[0] + 0.7 * language_model.log_prob((*before, token))

        while len(tokens) < 8 and SPECIAL_IDS.end not in tokens:
            allowed = set(range(VOCABULARY_SIZE)) - {SPECIAL_IDS.start, SPECIAL_IDS.pad}
            tokens += (max(allowed, key=lambda token, before=tokens: fused(token, before)),)  # type: ignore[misc]
        assert trimmed(found.ids, found.lengths, b, 0) == tuple(t for t in tokens if t != SPECIAL_IDS.end)


def translator(weight: float | None, batch_size: int = 8, **options: float) -> Translator:
    search = SearchConfig(
        name=SearchName.beam, beam_width=4, n_best=4, batch_size=batch_size, length_penalty=0.0, **options
    )
    language_model = None
    if weight is not None:
        search.language_model_weight = weight
        language_model = Trigrams(VOCABULARY, TOKENIZER.start_id)
    return Translator(model(), TOKENIZER, TOKENIZER, search, language_model=language_model)


def test_weight_zero_is_no_language_model_and_others_add_up() -> None:
    """Of a real model: what the search says is what `score` says of the text, and the language model of its ids."""
    without, zero = (list(translator(weight).predict(LINES)) for weight in (None, 0.0))
    assert [each.texts for each in without] == [each.texts for each in zero]
    assert_close([each.scores for each in without], [each.scores for each in zero])
    language_model = Trigrams(VOCABULARY, TOKENIZER.start_id)
    found = list(translator(0.4, max_length_offset=60).predict(LINES))
    assert [each.texts for each in found] != [each.texts for each in without]
    scored = [(line, *one) for line, each in zip(LINES, found) for one in zip(each.texts, each.scores)]
    pairs = [(line, text) for line, text, _ in scored]
    scorer = functools.partial(
        PairScorer, model(), source_tokenizer=TOKENIZER, target_tokenizer=TOKENIZER, batch_size=4
    )
    added = functools.partial(fused_log_probs, language_model, 0.4, special_ids(TOKENIZER))
    for (_, text, score), of_model, of_both in zip(scored, scorer()(pairs), scorer(added=added)(pairs)):
        ids = TOKENIZER.encode([text])[0]
        if TOKENIZER.unknown_id not in ids:  # which text does not tell from other unknown words
            assert_close(score, of_model + 0.4 * language_model.log_prob((*ids, TOKENIZER.end_id)))
            assert_close(of_both, score)


def test_batch_mates_change_nothing() -> None:
    together = list(translator(0.4).predict(LINES))
    alone = translator(0.4, batch_size=1).predict(LINES)
    for one, other in zip(together, alone):
        assert one.texts == other.texts
        assert_close(one.scores, other.scores)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0, not -1"):
        LanguageModelScorer(Trigrams(3, 2), tf.constant(1), -1.0)
