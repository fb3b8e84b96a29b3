"""Rules from amounts of text to sizes."""

from __future__ import annotations

import pytest

from seq2seq.config.compose import compose
from seq2seq.tasks.sizes import TextCounts, count_text, run_length
from seq2seq.tasks.speech.sizes import speech_sizes
from seq2seq.tasks.translation.sizes import translation_sizes, vocabulary_size


def test_words_of_scripts_without_spaces_are_counted_by_their_letters() -> None:
    assert count_text([("a bb a", "c"), ("bb", "")]) == TextCounts(2, 5, 3, 4)
    assert count_text([("我喜欢吃苹果",)]).words == 1 + 3


def counts(words: float, distinct: int = 50_000) -> TextCounts:
    return TextCounts(int(words / 14), int(words), distinct, 100)


def test_more_text_never_gets_a_smaller_model_or_fewer_pieces() -> None:
    config = compose([])
    before = (0, 0, 0, 0)
    for words in (1e4, 1e5, 1e6, 1e7, 1e8, 1e9):
        values = {key: decision.value for key, decision in translation_sizes(config, counts(words)).items()}
        keys = ("vocabulary_size", "batch.size", "encoder.units", "decoder.layers")
        now = tuple(next(value for key, value in values.items() if key.endswith(end)) for end in keys)
        assert all(a <= b for a, b in zip(before, now)), (words, before, now)
        before = now
    assert before == (32_000, 4096, 512, 2) if config.data.batch.type == "tokens" else (32_000, 128, 512, 2)


def test_a_vocabulary_can_always_be_made_of_the_text() -> None:
    assert vocabulary_size(TextCounts(10_000, 240_000, 26, 27)) == 57
    assert vocabulary_size(counts(165_000)) == 4000
    assert vocabulary_size(TextCounts(1, 1, 1, 1)) >= 5
    assert (
        vocabulary_size(TextCounts(12_000, 165_000, 12_000, 5_429)) == 7_429
    )  # a script of thousands of signs


def test_a_closed_vocabulary_needs_a_small_model() -> None:
    values = translation_sizes(compose([]), counts(240_000, distinct=200))
    assert values["model.encoder.units"].value == 128
    assert values["model.embedding.dropout"].value == 0.1


def test_tables_are_tied_as_far_as_the_vocabularies_are_one() -> None:
    for shared, tie in (("true", "all"), ("false", "target_output")):
        config = compose([f"data.tokenizer.shared={shared}"])
        assert translation_sizes(config, counts(1e5))["model.embedding.tie"].value == tie


def test_commands_need_less_than_sentences() -> None:
    digits, sentences = (speech_sizes(TextCounts(400, 1200, distinct, 20)) for distinct in (10, 130))
    assert digits["model.encoder.units"].value < sentences["model.encoder.units"].value
    assert digits["data.augment.speeds"].value == [1.0]


@pytest.mark.parametrize(
    ("steps_per_epoch", "steps", "between"),
    [(220, 1760, 0), (10, 1500, 125), (1000, 8000, 0), (50_000, 100_000, 100_000 // 12)],
)
def test_a_run_has_enough_updates_and_validations(steps_per_epoch: int, steps: int, between: int) -> None:
    length = run_length(steps_per_epoch, epochs=8, least=1500)
    assert length["training.max_steps"].value == steps
    assert length["training.validate_every"].value == between
