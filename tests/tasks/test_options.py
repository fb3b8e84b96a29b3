"""What a key of the configuration asks for reaches the search, the tokenizer and the reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.config.groups.search import LengthPenaltyFunction, SearchConfig, SearchName
from seq2seq.config.saved import load, to_yaml
from seq2seq.errors import ConfigError, UserError
from seq2seq.search import SearchResult
from seq2seq.serving.search_module import SearchDefaults
from seq2seq.tasks import searching
from seq2seq.tasks.readers import required_reader
from seq2seq.tasks.speech.transcriber import Transcriber
from seq2seq.tasks.tokenizers import make_tokenizers
from tests.closeness import assert_close
from tests.contracts.variants import VOCABULARY
from tests.tasks.test_translator import LINES, translator
from tests.tiny_speech import RATE, TOKENIZER, tiny_model

FILLED = [line for line in LINES if line]
SOURCES = np.random.default_rng(1).integers(4, VOCABULARY, (3, 5)).astype(np.int32)


def found(**options: Any) -> SearchResult:
    return translator(SearchConfig(**options)).find(tf.constant(SOURCES), tf.constant([5, 4, 2]))


@pytest.mark.parametrize("function", list(LengthPenaltyFunction))
def test_scores_are_divided_by_the_penalty_that_is_chosen(function: LengthPenaltyFunction) -> None:
    result = found(name=SearchName.beam, beam_width=3, length_penalty=0.7, length_penalty_function=function)
    ids, lengths = result.ids.numpy(), result.lengths.numpy()
    limits = np.array([20, 18, 14])[:, np.newaxis]
    scored = np.minimum(lengths + 1, limits)  # the end is scored, where there is one
    divisor = ((5.0 + scored) / 6.0) ** 0.7 if function == "gnmt" else scored**0.7
    assert ids.shape[2] > 1
    assert_close(result.scores.numpy(), result.log_probs.numpy() / divisor)


@pytest.mark.parametrize("early", [True, False])
def test_stop_early_reaches_the_beam(early: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    plain = searching.beam_search
    monkeypatch.setattr(
        searching, "beam_search", lambda *parts, **options: asked.append(options) or plain(*parts, **options)
    )
    found(name=SearchName.beam, beam_width=2, stop_early=early)
    assert [options["stop_early"] for options in asked] == [early]


def test_presence_keeps_a_hypothesis_from_loops() -> None:
    def repeats(**options: Any) -> int:
        result = found(name=SearchName.beam, beam_width=2, **options)
        rows = [ids[:length] for ids, length in zip(result.ids.numpy()[:, 0], result.lengths.numpy()[:, 0])]
        return sum(len(row) - len(set(row)) for row in rows)

    assert repeats() > 0
    assert repeats(scorers=["presence"], scorer_weights=[1000.0]) == 0


@pytest.mark.slow
def test_sampling_is_drawn_by_its_seed() -> None:
    def texts(**options: Any) -> list[list[str]]:
        search = SearchConfig(name=SearchName.sampling, **options)
        return [prediction.texts for prediction in translator(search).predict(FILLED)]

    drawn = texts(n_best=3)
    assert [len(row) for row in drawn] == [3] * len(FILLED)
    assert drawn == texts(n_best=3)
    assert drawn != texts(n_best=3, seed=2)
    greedy = [prediction.texts for prediction in translator(SearchConfig()).predict(FILLED)]
    assert texts(top_k=1) == texts(top_p=1e-6) == texts(temperature=1e-4) == greedy != texts()


@pytest.mark.slow
def test_speech_is_sampled_with_ctc_in_the_balance() -> None:
    audio = [np.sin(np.arange(RATE // 2, dtype=np.float32))]
    model = tiny_model()

    def texts(name: SearchName, **options: Any) -> list[str]:
        search = SearchConfig(name=name, **options)
        return Transcriber(model, TOKENIZER, search, ctc_weight=0.3).transcribe_batch(audio)[0].texts

    assert texts(SearchName.sampling, top_k=1) == texts(SearchName.greedy)
    assert len(set(texts(SearchName.sampling, n_best=5))) > 1


def test_what_does_not_go_with_sampling_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(to_yaml(compose(["search=sampling"])), encoding="utf-8")
    search = load(tmp_path, ["search.n_best=4"]).search
    assert (search.name, search.width) == ("sampling", 4)
    with pytest.raises(UserError, match="write search=greedy or search=beam"):
        SearchDefaults.of(search, compose().export)
    data = [f"data.{split}=table.tsv" for split in ("train", "val")]
    for overrides, sentence in (
        (["search.top_k=5"], "search.top_k=5: only search=sampling has it, not search.name=greedy"),
        (["search=sampling", "search.top_p=0"], "search.top_p=0.0: must be above 0 and at most 1"),
        (["task=speech", *data, "task.ctc_weight=1", "search=sampling"], "CTC alone .* is not sampled from"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            compose(overrides)


def test_bytes_spell_what_has_no_piece(tmp_path: Path) -> None:
    texts = ["a dog runs", "the dog sleeps", "cats run fast"] * 20

    def tokens(*overrides: str) -> list[str]:
        options = [f"data.tokenizer.{each}" for each in ("vocabulary_size=300", "kind=bpe", *overrides)]
        config = compose(options).data
        made = make_tokenizers(config, lambda side: iter(texts), tmp_path, seed=1).source
        return made.decode(made.encode(["a döner"]))

    assert tokens("byte_fallback=true") == ["a döner"]
    assert tokens("vocabulary_size=30") != ["a döner"]


def test_columns_are_numbers_or_names(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("de\ten\nein Hund\ta dog\n", encoding="utf-8")

    def pairs(source: str, target: str) -> list[tuple[str, str]]:
        columns = [f"data.source_column={source}", f"data.target_column={target}"]
        files = [f"data.root={tmp_path}", "data.train=t.tsv", "data.val=t.tsv"]
        reader: Any = required_reader(compose(["data=tsv", *files, *columns]).data, "train")
        return list(reader.pairs())

    assert pairs("en", "de") == [("a dog", "ein Hund")]
    assert pairs("1", "0") == [("en", "de"), ("a dog", "ein Hund")]
    for source, target, sentence in (
        ("-1", "0", "data.source_column=-1: must be at least 0, or a name"),
        ("en", "1", "data.target_column=1: with data.source_column=en; both are numbers"),
        ("en", "en", "data.target_column=en: is the source's column as well"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            pairs(source, target)
