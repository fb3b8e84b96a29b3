import io
import re
import subprocess
import sys
import threading

import pytest
import sentencepiece

from seq2seq.errors import UserError
from seq2seq.text import Normalizer, SentencePieceTokenizer, train_tokenizer
from tests.text.test_tokenizers import SUBWORD_KINDS, TOKENIZERS, sentences, train

TEXTS = sentences(300, seed=2)

IDS = {"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3}


@pytest.fixture(params=SUBWORD_KINDS)
def kind(request):
    return request.param


def test_sampling_is_a_function_of_its_arguments(kind):
    tokenizer = TOKENIZERS[kind]
    options = {"alpha": 0.2, "nbest": -1}
    first = tokenizer.sample(TEXTS, **options, seed=7)
    assert tokenizer.sample(TEXTS, **options, seed=8) != first
    assert tokenizer.sample(TEXTS, **options, seed=7) == first
    assert tokenizer.decode(first) == TEXTS
    assert first != tokenizer.encode(TEXTS)


def test_sampling_does_not_depend_on_threads_or_earlier_calls(kind):
    tokenizer = TOKENIZERS[kind]
    expected = {seed: tokenizer.sample(TEXTS, alpha=0.2, nbest=-1, seed=seed) for seed in range(4)}
    found = {}

    def work(seed):
        found[seed] = [tokenizer.sample(TEXTS, alpha=0.2, nbest=-1, seed=seed) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(seed,)) for seed in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {seed: [rows] * 5 for seed, rows in expected.items()}


def test_sampling_does_not_depend_on_the_process(kind, tmp_path):
    """SentencePiece 0.2.2 and later salt their draws."""
    tokenizer = TOKENIZERS[kind]
    tokenizer.save(tmp_path, "t")
    program = (
        "import sys; from pathlib import Path; from seq2seq.text import load_tokenizer;"
        "print(load_tokenizer(Path(sys.argv[1]), 't').sample(eval(sys.argv[2]), alpha=0.2, nbest=-1, seed=7))"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path), repr(TEXTS)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"{tokenizer.sample(TEXTS, alpha=0.2, nbest=-1, seed=7)}\n"


def test_strength_of_sampling():
    bpe = TOKENIZERS["bpe"]
    assert bpe.sample(TEXTS, alpha=0.0, nbest=-1, seed=1) == bpe.encode(TEXTS)
    letters = bpe.sample(["Hund Baum"], alpha=1.0, nbest=-1, seed=1)[0]
    assert bpe.pieces(letters) == list("▁Hund▁Baum")
    unigram = TOKENIZERS["unigram"]
    assert unigram.sample(TEXTS, alpha=100.0, nbest=-1, seed=1) == unigram.encode(TEXTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.1, "nbest": 1}, "nbest=1 leaves nothing to sample"),
        ({"alpha": -0.1, "nbest": -1}, "alpha=-0.1 is negative"),
    ],
)
def test_senseless_sampling_is_refused(kind, options, message):
    with pytest.raises(UserError, match=message):
        TOKENIZERS[kind].sample(TEXTS, **options, seed=1)


def test_too_large_a_vocabulary_names_one_that_works(kind):
    with pytest.raises(UserError) as caught:
        train(kind, vocabulary_size=5000)
    assert re.fullmatch(
        f"vocabulary_size=5000 is larger than this training text allows a {kind} tokenizer; "
        r"give at most \d+\.",
        str(caught.value),
    )
    most = int(re.findall(r"\d+", str(caught.value))[-1])
    assert train(kind, vocabulary_size=most).vocabulary_size == most


@pytest.mark.parametrize("byte_fallback", [False, True])
def test_too_small_a_vocabulary_names_one_that_works(kind, byte_fallback):
    with pytest.raises(UserError, match="does not hold the characters") as caught:
        train(kind, vocabulary_size=10, byte_fallback=byte_fallback)
    least = int(re.search(r"at least (\d+)", str(caught.value))[1])
    assert train(kind, vocabulary_size=least, byte_fallback=byte_fallback).vocabulary_size == least


def test_lines_too_long_to_train_on_are_named(kind):
    with pytest.raises(UserError, match="all lines are longer than 4192 bytes"):
        train(kind, texts=["Hund " * 1000])


def test_bytes_stand_in_for_unknown_characters(kind):
    tokenizer = train(kind, vocabulary_size=300, byte_fallback=True)
    rows = tokenizer.encode(["Hund ☃ 猫"])
    assert tokenizer.unknown_id not in rows[0]
    assert tokenizer.decode(rows) == ["Hund ☃ 猫"]


def test_sentences_are_drawn_by_seed(kind):
    texts = sentences(2000, seed=3)
    one, again, other = (train(kind, texts=texts, max_sentences=100, seed=seed) for seed in (1, 1, 2))
    assert one.fingerprint == again.fingerprint != other.fingerprint
    assert train(kind, texts=texts, max_sentences=2000).fingerprint == train(kind, texts=texts).fingerprint


def given_model(path, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(sentences(400)), model_writer=model, vocab_size=44, minloglevel=2, **options
    )
    path.write_bytes(model.getvalue())
    return path


def test_a_given_model_is_asked_for_its_ids(tmp_path):
    path = given_model(tmp_path / "m.model", pad_id=3, unk_id=0, bos_id=1, eos_id=2)
    tokenizer = SentencePieceTokenizer.load(path, Normalizer())
    assert (tokenizer.pad_id, tokenizer.unknown_id, tokenizer.start_id, tokenizer.end_id) == (3, 0, 1, 2)
    rows = tokenizer.encode(TEXTS)
    assert tokenizer.decode([[1, *row, 2, 3, 3] for row in rows]) == TEXTS


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({}, "padding"),
        ({"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": 2}, "the start"),
        ({"bos_id": -1, "eos_id": -1}, "padding and the start and the end"),
    ],
)
def test_a_given_model_without_special_ids_is_refused(tmp_path, options, missing):
    path = given_model(tmp_path / "m.model", **options)
    with pytest.raises(
        UserError, match=rf"m\.model has no id for {missing} of a sentence; train it with .*--pad_id=0"
    ):
        SentencePieceTokenizer.load(path, Normalizer())


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_what_is_no_model_is_refused(tmp_path, content):
    (tmp_path / "m.model").write_bytes(content)
    with pytest.raises(UserError, match=r"m\.model is not a SentencePiece model"):
        SentencePieceTokenizer.load(tmp_path / "m.model", Normalizer())


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(UserError, match=r"Cannot read the tokenizer .*m\.model: No such file"):
        SentencePieceTokenizer.load(tmp_path / "m.model", Normalizer())


def test_a_given_model_of_a_kind_that_cannot_sample_says_so(tmp_path):
    path = given_model(
        tmp_path / "m.model",
        model_type="char",
        pad_id=0,
        unk_id=1,
        bos_id=2,
        eos_id=3,
        hard_vocab_limit=False,
    )
    with pytest.raises(UserError, match="cannot sample"):
        SentencePieceTokenizer.load(path, Normalizer()).sample(TEXTS, alpha=0.1, nbest=-1, seed=1)


def test_a_very_long_line_is_no_trouble(kind):
    tokenizer = train_tokenizer(sentences(400), kind=kind, vocabulary_size=44)
    text = " ".join(["Hund Katze"] * 10_000)
    assert tokenizer.decode(tokenizer.encode([text])) == [text]
