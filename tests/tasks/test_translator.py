"""Predictions: their order, number and content."""

from __future__ import annotations

import numpy as np
import pytest

from seq2seq.config.schema import SearchConfig, SearchName
from seq2seq.tasks.translator import Translator
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
    predictions = list(translator(search).translate(LINES))
    alone = [next(iter(translator(search).translate([line]))) for line in LINES]
    for prediction, single in zip(predictions, alone):
        assert prediction.texts == single.texts
        assert prediction.source_pieces == single.source_pieces
        assert_close(prediction.scores, single.scores)
        assert len(prediction.texts) == 2
        assert prediction.scores == sorted(prediction.scores, reverse=True)
    assert predictions[0].source_pieces == ["a", "b", "c"]
    assert len(predictions[1].source_pieces) == 1  # an empty line is one unknown token


def test_alignments_have_the_shape_of_the_pieces() -> None:
    for prediction in translator(SearchConfig(), alignments=True).translate(LINES):
        assert prediction.alignment is not None
        assert prediction.alignment.shape == (len(prediction.pieces), len(prediction.source_pieces))
        assert_close(prediction.alignment.sum(-1), np.ones(len(prediction.pieces)))
