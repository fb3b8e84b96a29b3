"""Draws of segmentations: against SentencePiece where nothing is random, and against all there are where it is."""

from __future__ import annotations

import io
import itertools
import math
import random
from collections import Counter
from typing import Any

import pytest
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from seq2seq.text.subword_sampling import SubwordSampler

SYLLABLES = [
    *("der", "hund", "die", "kat", "ze", "das", "haus", "ein", "vo", "gel", "baum", "und", "sing", "springt"),
    *("läuft", "über", "stra", "ße", "n", "t"),
]
CHOICE = random.Random(3)
TEXT = [
    " ".join("".join(CHOICE.choices(SYLLABLES, k=CHOICE.randint(1, 3))) for _ in range(6)) for _ in range(400)
]
HOSTILE = [
    "", " ", "hund", " der  hund ", "▁▁ der▁hund", "Der HUND läuft", "日本 katze 日本", "ööö", "\u0301der", "a" * 300,
    "<x>", "der<x>hund", "<x><x>y", "<xyz> <xy", "😀😀 haus 😀", "straße\tüber\u00a0baum", "ß", "der\nhund",
    "<unk> <s> </s>", "<0x41>",
]  # fmt: skip
KINDS = {
    "bpe": {"model_type": "bpe"},
    "bpe with bytes": {"model_type": "bpe", "byte_fallback": True, "vocab_size": 400},
    "bpe with symbols": {"model_type": "bpe", "user_defined_symbols": ["<x>", "<xy>"]},
    "bpe across spaces": {"model_type": "bpe", "split_by_whitespace": False},
    "unigram": {"model_type": "unigram"},
    "unigram with bytes": {"model_type": "unigram", "byte_fallback": True, "vocab_size": 400},
    "unigram with symbols": {"model_type": "unigram", "user_defined_symbols": ["<x>", "<xy>"]},
    "unigram, nmt_nfkc": {"model_type": "unigram", "normalization_rule_name": "nmt_nfkc"},
}


def build(kind: str) -> tuple[SubwordSampler, sentencepiece.SentencePieceProcessor, bytes]:
    model = io.BytesIO()
    options: dict[str, Any] = {"vocab_size": 120, "normalization_rule_name": "identity", **KINDS[kind]}
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(TEXT), model_writer=model, minloglevel=2, **options
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return SubwordSampler(processor, model.getvalue()), processor, model.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_without_chance_it_is_what_sentencepiece_encodes(kind: str) -> None:
    """A dropout of 0; and of a unigram model, the only segmentation that a large power leaves."""
    sample, processor, _ = build(kind)
    alpha = 0.0 if kind.startswith("bpe") else 1e4
    for text in [*HOSTILE, *TEXT[:20]]:
        assert sample(text, random.Random(1), alpha=alpha, nbest=-1) == processor.encode(text), text


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("unigram")])
def test_the_best_of_some_is_the_best_of_all(kind: str) -> None:
    sample, processor, _ = build(kind)
    for text in [*HOSTILE, *TEXT[:20]]:
        assert sample(text, random.Random(1), alpha=1e4, nbest=4) == processor.encode(text), text


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("bpe")])
def test_without_merges_characters_are_left(kind: str) -> None:
    sample, processor, _ = build(kind)
    found = sample("der hund", random.Random(1), alpha=1.0, nbest=-1)
    assert processor.id_to_piece(found) == list("▁der▁hund")


def test_a_merge_is_left_out_with_its_probability() -> None:
    """A word of two merges, `a b` first and then `ab c`."""
    model = sentencepiece_model_pb2.ModelProto.FromString(build("bpe")[2])
    del model.pieces[3:]
    for piece, score in (("ab", -0.0), ("abc", -1.0), ("▁", -2.0), ("a", -3.0), ("b", -4.0), ("c", -5.0)):
        model.pieces.add(piece=piece, score=score)
    content = model.SerializeToString()
    processor = sentencepiece.SentencePieceProcessor(model_proto=content)
    sample, generator, draws = SubwordSampler(processor, content), random.Random(5), 20_000
    counts = Counter(
        "|".join(processor.id_to_piece(sample("abc", generator, alpha=0.3, nbest=-1))) for _ in range(draws)
    )
    expected = {"▁|abc": 0.7 * 0.7, "▁|ab|c": 0.7 * 0.3, "▁|a|b|c": 0.3}
    assert counts.keys() == expected.keys()
    for way, share in expected.items():
        assert abs(counts[way] / draws - share) < 4 * math.sqrt(share * (1 - share) / draws)


@pytest.mark.parametrize("nbest", [-1, 3])
def test_segmentations_come_in_proportion_to_their_probability(nbest: int) -> None:
    sample, processor, content = build("unigram")
    pieces = sentencepiece_model_pb2.ModelProto.FromString(content).pieces
    scores = {piece.piece: piece.score for piece in pieces if piece.type == piece.NORMAL}
    word, alpha, draws = "▁hunddas", 0.1, 20_000
    weights = {}
    for cuts in itertools.product([True, False], repeat=len(word) - 1):
        ends = [n + 1 for n, cut in enumerate(cuts) if cut] + [len(word)]
        way = [word[begin:end] for begin, end in zip([0, *ends], ends)]
        if all(piece in scores for piece in way):
            weights["|".join(way)] = math.exp(alpha * sum(map(scores.__getitem__, way)))
    assert len(weights) > 5
    if nbest > 0:
        weights = dict(sorted(weights.items(), key=lambda way: -way[1])[:nbest])
    generator = random.Random(7)
    counts = Counter(
        "|".join(processor.id_to_piece(sample(word[1:], generator, alpha=alpha, nbest=nbest)))
        for _ in range(draws)
    )
    assert counts.keys() <= weights.keys()
    for way, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(counts[way] / draws - share) < 4 * math.sqrt(share * (1 - share) / draws), way
