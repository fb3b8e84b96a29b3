"""A tokenizer: how text splits and joins, and a line."""

from __future__ import annotations

import json

import pytest

from seq2seq.config.compose import compose
from seq2seq.errors import ConfigError
from tests.contracts.extension.conftest import Extended
from tests.runs.tiny import LINES

TEXT = "the dog, the cat: runs!"


@pytest.mark.slow
def test_a_tokenizer_goes_the_whole_way(extended: Extended) -> None:
    way = extended.way
    tokenizer = way.run.tokenizers.source
    assert isinstance(tokenizer, extended.examples["Tokenizer"].PunctuatedTokenizer)
    ids = tokenizer.encode([TEXT])
    assert tokenizer.pieces(ids[0]) == ["the", "dog", "<unk>", "the", "cat", "<unk>", "runs", "<unk>"]
    assert way.module.signatures["tokenize"](text=[TEXT])["ids"].numpy().tolist() == ids
    assert way.exported.manifest["tokenizer_in_graph"]
    assert way.served(LINES) == way.texts
    description = json.loads((way.run.folder.tokenizer / "shared.json").read_text(encoding="utf-8"))
    assert description["kind"] == "punctuated"

    for wrong, sentence in (
        ("kind=punctated", r"must be one of .*, punctuated; did you mean punctuated\?"),
        ("sampling.alpha=0.1", "kind=punctuated cuts a text in one way only; .* unigram or bpe"),
        ("byte_fallback=true", "only kind unigram or bpe has it, not kind=punctuated"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            compose(["data.tokenizer.kind=punctuated", f"data.tokenizer.{wrong}"])
