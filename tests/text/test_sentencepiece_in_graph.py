"""Segmentation in a graph, against SentencePiece itself, of models of every kind and from elsewhere."""

from __future__ import annotations

import io
import random
from itertools import product
from typing import Any

import pytest
import sentencepiece
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.serving.text_calls import HOSTILE
from seq2seq.text.sentencepiece_in_graph import SentencePieceInGraph
from seq2seq.text.sentencepiece_model import SentencePieceModel

CORPUS = [
    "Zwei Hunde spielen im Schnee .",
    "Ein Mann , der läuft .",
    "fine ½ Abc Å é 한국어",
    "das ist gut",
    "aaa aaaa aa aaaaaaaa banana",
    "unde hu ö <x>",
] * 5
ODD = ["e\u0301", "ﬁ", "½", "한", "\u200b", "Å", "🙂", "\u00a8", "\u3000", "▁", "▁▁", "\ufffd", "\0"]
ODD += ["<s>", "</s>", "<unk>", "aaaa", "unde", "<x>", "hu", "  ", "\t"]
DEFINED = ["▁▁", "<x>", "hu", "ﬁ", "unde", "ö"]

MODELS: dict[str, dict[str, Any]] = {
    "as ours": {"normalization_rule_name": "identity"},
    "own normalisation": {"normalization_rule_name": "nmt_nfkc"},
    "lower case, spaces kept": {
        "normalization_rule_name": "nmt_nfkc_cf",
        "remove_extra_whitespaces": False,
    },
    "no prefix": {"add_dummy_prefix": False, "remove_extra_whitespaces": False},
    "spaces behind": {"treat_whitespace_as_suffix": True},
    "defined pieces": {"user_defined_symbols": DEFINED},
    "across words": {"split_by_whitespace": False},
}


def trained(kind: str, byte_fallback: bool = False, **options: Any) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=model,
        model_type=kind,
        vocab_size=90 + 256 * byte_fallback,
        byte_fallback=byte_fallback,
        character_coverage=1.0 if kind == "char" else 0.98,
        hard_vocab_limit=False,
        pad_id=0, unk_id=1, bos_id=2, eos_id=3,
        minloglevel=2,
        **options,
    )  # fmt: skip
    return model.getvalue()


def in_graph(model: bytes) -> Any:
    signature = [tf.TensorSpec([None], tf.string)]
    return tf.function(SentencePieceInGraph(model), input_signature=signature, autograph=False)


def texts() -> list[str]:
    generator = random.Random(3)
    parts = [*"aabbehinu  dösß.", *ODD]
    drawn = ["".join(generator.choices(parts, k=generator.randrange(30))) for _ in range(400)]
    return [*HOSTILE, *CORPUS[:6], "", "   ", " a  b ", "\u200b", "a" * 200, "ab" * 60, *drawn]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *product(["unigram", "bpe"], MODELS),
        *product(["unigram, bytes", "bpe, bytes"], ["as ours", "defined pieces"]),
        ("char", "own normalisation"),
    ],
)
def test_ids_are_sentencepieces(kind: str, name: str) -> None:
    kind, _, fallback = kind.partition(", ")
    model = trained(kind, bool(fallback), **MODELS[name])
    graph = in_graph(model)
    expected = sentencepiece.SentencePieceProcessor(model_proto=model).encode(texts(), out_type=int)
    for text, found, ids in zip(texts(), graph(tf.constant(texts())).to_list(), expected):
        assert found == ids, text


@pytest.mark.parametrize("rows", [[], [""], ["", ""]])
@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_nothing_is_nothing(kind: str, rows: list[str]) -> None:
    assert in_graph(trained(kind))(tf.constant(rows, tf.string)).to_list() == [[] for _ in rows]


def test_batch_mates_change_nothing() -> None:
    graph = in_graph(trained("unigram"))
    together = graph(tf.constant(texts()[:40])).to_list()
    assert together == [graph(tf.constant([text])).to_list()[0] for text in texts()[:40]]


def test_rewrites_are_those_of_the_model() -> None:
    model = trained("unigram", normalization_rule_name="nfkc", add_dummy_prefix=False)
    rewrites = SentencePieceModel(model).rewrites
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    assert len(rewrites) > 5000
    for text, becomes in rewrites.items():
        if " " not in becomes:  # what the model does with white space comes on top
            assert processor.normalize(text) == becomes


def test_a_model_of_words_is_refused() -> None:
    with pytest.raises(UserError, match="of words has no form in a graph"):
        SentencePieceInGraph(trained("word"))
