"""Predictions: their order, number and content."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest

from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.datasets import ParallelText, build_index
from seq2seq.datasets.readers.input_lines import input_lines
from seq2seq.tasks.translation.scoring import PairScorer
from seq2seq.tasks.translation.translator import Prediction, Translator
from seq2seq.text.train import train_tokenizer
from tests.closeness import assert_close
from tests.contracts.variants import VOCABULARY, build

TEXT = "a b c d e f g h i j k l m n o p q r s"
LINES = ["a b c", "", "d e f g h i j", "s", "k l m n"]


def translator(search: SearchConfig, **options: bool) -> Translator:
    tokenizer = train_tokenizer([TEXT], kind="word", vocabulary_size=VOCABULARY)
    return Translator(build("luong"), tokenizer, tokenizer, search, **options)


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_order_and_batching_change_nothing(batch_size: int) -> None:
    search = SearchConfig(name=SearchName.beam, beam_width=3, n_best=2, batch_size=batch_size)
    one = translator(search)
    predictions = list(one.predict(LINES))
    alone = [next(iter(one.predict([line]))) for line in LINES]
    for prediction, single in zip(predictions, alone):
        assert prediction.texts == single.texts
        assert prediction.source_pieces == single.source_pieces
        assert_close(prediction.scores, single.scores)
        assert len(prediction.texts) == 2
        assert prediction.scores == sorted(prediction.scores, reverse=True)
    assert predictions[0].source_pieces == ["a", "b", "c"]


def test_alignments_have_the_shape_of_the_pieces() -> None:
    for prediction in translator(SearchConfig(), alignments=True).predict(LINES):
        assert prediction.alignment is not None
        assert prediction.alignment.shape == (len(prediction.pieces), len(prediction.source_pieces))
        assert_close(prediction.alignment.sum(-1), np.ones(len(prediction.pieces)))


BLANK = ["", " ", "\t\u3000\u2028 \r"]


def test_what_holds_no_token_is_translated_as_nothing(tmp_path: Path) -> None:
    one = translator(SearchConfig(name=SearchName.beam, beam_width=3, n_best=2), alignments=True)
    nothing = Prediction(["", ""], [0.0, 0.0], [], [], np.zeros((0, 0), np.float32))
    lines = [BLANK[0], "a b", *BLANK[1:], "c"]
    predictions = list(one.predict(lines))
    for line, prediction in zip(lines, predictions):
        if line in BLANK:
            assert prediction[:4] == nothing[:4]
            assert prediction.alignment is not None
            assert prediction.alignment.shape == (0, 0)
        else:
            assert prediction.source_pieces
            assert "" not in prediction.texts
    assert [prediction.texts for prediction in one.predict(BLANK)] == [["", ""]] * 3

    # An index has an unknown id in the place of nothing, as in that of an unknown word.
    lines.append("unheard-of")
    for name in ("source", "target"):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    index = build_index(
        ParallelText([tmp_path / "source"], [tmp_path / "target"]),
        tmp_path / "index",
        name="test",
        source_tokenizer=one.source_tokenizer,
        target_tokenizer=one.target_tokenizer,
        keep_all=True,
        keep_text=True,
    )
    indexed = one.predict_index(index)
    assert [prediction.texts for prediction in indexed[:-1]] == [
        prediction.texts for prediction in predictions
    ]
    assert indexed[-1].source_pieces == ["<unk>"]
    assert [row.texts for row in one.predict_index(index, [3, 1])] == [["", ""], predictions[1].texts]


def test_a_pair_without_a_source_scores_0(caplog: pytest.LogCaptureFixture) -> None:
    one = translator(SearchConfig())
    pairs = [("a b", "c"), ("", ""), (" ", "a"), ("a b", "")]
    with caplog.at_level(logging.WARNING):
        score = PairScorer(
            one.model,
            source_tokenizer=one.source_tokenizer,
            target_tokenizer=one.target_tokenizer,
            batch_size=2,
        )
        scores = list(score(pairs))
    assert scores[1:3] == [0.0, 0.0]
    assert max(scores[0], scores[3]) < 0.0
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["Line 3 has an empty source, and a target that is not: its score is 0"]


def test_a_pipe_that_stays_open_is_translated_line_by_line() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "wb", buffering=0) as writer:
        predictions = translator(SearchConfig()).predict(input_lines(["-"], reader))
        for lines in (["a b"], [""], ["c", "d e f"]):
            writer.write("".join(f"{line}\n" for line in lines).encode())
            for line in lines:
                assert next(predictions).source_pieces == line.split()
        writer.close()
        assert list(predictions) == []
