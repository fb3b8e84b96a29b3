"""Text to ids and back in the graph, against the tokenizers themselves."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.serving.graph_detokenizer import GraphDetokenizer
from seq2seq.serving.graph_normalizer import GraphNormalizer
from seq2seq.serving.graph_tokenizer import GraphTokenizer
from seq2seq.serving.text_calls import HOSTILE
from seq2seq.text import Normalizer, Tokenizer, train_tokenizer

TEXTS = [
    "Zwei Hunde spielen im Schnee .",
    "Ein Mann , der läuft .",
    "ﬁne ½ Ａbc Å e\u0301 한국어",
    "das  ist\tgut",
] * 5
MARKS = "\u0301\u0323\u0308\u0345\u0f71\u09be\u1161\u11a8\u3099\u0338"
LETTERS = "aeoAESΣς\u1e9b\u1100\uac00\u09c7\u30ab\u0344\u2126\ufb01\u00bd\u212b\u1e0b\u0f73 \t\u200b\u3000🙂"


@pytest.mark.parametrize("lowercase", [False, True], ids=["as it is", "lower case"])
@pytest.mark.parametrize("form", ["none", "nfc", "nfkc"])
def test_the_graph_normalises_like_training(form: str, lowercase: bool) -> None:
    normalizer = Normalizer(form, lowercase)
    graph = tf.function(GraphNormalizer(normalizer), input_signature=[tf.TensorSpec([None], tf.string)])
    generator = np.random.default_rng(1)
    characters = list(MARKS * 3 + LETTERS)
    drawn = ["".join(generator.choice(characters, generator.integers(0, 12))) for _ in range(400)]
    texts = [*HOSTILE, *TEXTS[:4], *drawn]
    assert [text.decode() for text in graph(texts).numpy()] == [normalizer(text) for text in texts]


def test_every_character_is_normalised_like_training() -> None:
    assigned = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cs", "Cn", "Co")]
    for form in ("nfc", "nfkc"):
        found = GraphNormalizer(Normalizer(form))(tf.constant(assigned)).numpy()
        assert [text.decode() for text in found] == [Normalizer(form)(text) for text in assigned]


def test_what_is_no_utf8_is_replaced() -> None:
    assert GraphNormalizer(Normalizer("nfkc"))(tf.constant([b"a\xff b"])).numpy()[0].decode() == "a\ufffd b"


@pytest.fixture(
    scope="module", params=["unigram", "bpe", "unigram, bytes", "bpe, bytes", "word", "character"]
)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    kind, _, byte_fallback = request.param.partition(", ")
    size = 44 + 256 * bool(byte_fallback)
    return train_tokenizer(
        TEXTS, kind=kind, vocabulary_size=size, normalization="nfkc", byte_fallback=bool(byte_fallback)
    )


def test_ids_become_the_tokenizers_text(tokenizer: Tokenizer) -> None:
    graph = GraphDetokenizer(tokenizer)
    call = tf.function(
        graph, input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)]
    )

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(
        st.lists(
            st.lists(st.integers(0, tokenizer.vocabulary_size - 1), max_size=12), min_size=1, max_size=20
        )
    )
    def check(rows: list[list[int]]) -> None:
        ids = tf.ragged.constant(rows, tf.int32, ragged_rank=1)
        texts = call(ids.to_tensor(5), tf.cast(ids.row_lengths(), tf.int32))
        assert [text.decode() for text in texts.numpy()] == tokenizer.decode(rows)

    check()
    sentences = tokenizer.encode([*TEXTS, *HOSTILE])
    ids = tf.ragged.constant(sentences, tf.int32)
    texts = call(ids.to_tensor(), tf.cast(ids.row_lengths(), tf.int32))
    assert [text.decode() for text in texts.numpy()] == tokenizer.decode(sentences)


def test_text_becomes_the_tokenizers_ids(tokenizer: Tokenizer) -> None:
    graph = GraphTokenizer(tokenizer)
    texts = [*TEXTS, *HOSTILE]
    assert graph(tf.constant(texts)).to_list() == tokenizer.encode(texts)


def test_a_model_of_another_normalisation_is_detokenised_too(tmp_path: Path) -> None:
    """Models that keep white space treat the beginning of a text in another way."""
    import sentencepiece

    from seq2seq.text import SentencePieceTokenizer

    for name, options in {
        "kept": {"remove_extra_whitespaces": False},
        "no prefix": {"add_dummy_prefix": False, "remove_extra_whitespaces": False},
    }.items():
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXTS),
            model_prefix=str(tmp_path / name),
            vocab_size=44,
            user_defined_symbols=["\u2581\u2581", "<x>"],
            pad_id=0, unk_id=1, bos_id=2, eos_id=3,
            minloglevel=2,
            **options,
        )  # fmt: skip
        tokenizer = SentencePieceTokenizer.load(tmp_path / f"{name}.model", Normalizer())
        rows = np.random.default_rng(2).integers(0, 44, (300, 5)).tolist()
        rows += [[i, j, k] for i in range(8) for j in range(8) for k in (5, 9)]
        ids = tf.ragged.constant(rows, tf.int32)
        texts = GraphDetokenizer(tokenizer)(ids.to_tensor(), tf.cast(ids.row_lengths(), tf.int32))
        assert [text.decode() for text in texts.numpy()] == tokenizer.decode(rows)
