"""What every kind promises."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.errors import UserError
from seq2seq.text import load_tokenizer, train_tokenizer

KINDS = ("unigram", "bpe", "word", "character")
SUBWORD_KINDS = ("unigram", "bpe")
WORDS = re.findall(
    r"\S+", "der die das ein kleiner großer Hund Katze läuft schläft über dem Tisch Baum heute , ."
)


def sentences(number, seed=0):
    generator = random.Random(seed)
    return [" ".join(generator.choices(WORDS, k=generator.randint(1, 9))) for _ in range(number)]


def train(kind, texts=None, **options):
    settings = {"vocabulary_size": 44, "normalization": "nfc", **options}
    return train_tokenizer(sentences(400) if texts is None else texts, kind=kind, **settings)


TOKENIZERS = {kind: train(kind) for kind in KINDS}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def test_special_ids(kind):
    tokenizer = TOKENIZERS[kind]
    assert (tokenizer.pad_id, tokenizer.unknown_id, tokenizer.start_id, tokenizer.end_id) == (0, 1, 2, 3)
    assert tokenizer.pieces([0, 1, 2, 3]) == ["<pad>", "<unk>", "<s>", "</s>"]


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), max_size=5))
def test_round_trip(texts):
    for tokenizer in TOKENIZERS.values():
        rows = tokenizer.encode(texts)
        assert tokenizer.decode(rows) == texts
        assert all(4 <= i < tokenizer.vocabulary_size for row in rows for i in row)


@given(st.text(max_size=60))
def test_any_text_becomes_ids_of_the_vocabulary(text):
    for tokenizer in TOKENIZERS.values():
        [row] = tokenizer.encode([text])
        assert all(1 <= i < tokenizer.vocabulary_size and i not in (2, 3) for i in row)
        said = text.replace("\u2581", " ").split()  # SentencePiece's space
        assert bool(row) == bool(said) or "\0" in text  # which it drops
        assert len(tokenizer.pieces(row)) == len(row)


def test_text_that_spells_a_special_piece_is_not_special(kind):
    [row] = TOKENIZERS[kind].encode(["<pad> </s> <s> Hund"])
    assert not {0, 2, 3} & set(row)


def test_decoding_leaves_special_ids_out_and_shows_unknown_ones(kind):
    tokenizer = TOKENIZERS[kind]
    [row] = tokenizer.encode(["der Hund"])
    assert tokenizer.decode([[2, *row, 3, 0, 0]]) == ["der Hund"]
    assert tokenizer.decode([[1]]) == ["⁇"]
    assert tokenizer.decode([[], [0, 3]]) == ["", ""]


def test_training_again_gives_the_same_tokenizer(kind):
    assert train(kind).fingerprint == TOKENIZERS[kind].fingerprint


def test_what_is_saved_is_what_is_loaded(kind, tmp_path):
    tokenizer = TOKENIZERS[kind]
    tokenizer.save(tmp_path / "tokenizer", "joint")
    loaded = load_tokenizer(tmp_path / "tokenizer", "joint")
    texts = [*sentences(50, seed=1), "¿ Cafe\u0301 ?"]
    assert loaded.encode(texts) == tokenizer.encode(texts)
    assert loaded.fingerprint == tokenizer.fingerprint
    assert loaded.vocabulary_size == tokenizer.vocabulary_size
    assert sorted(path.suffix for path in (tmp_path / "tokenizer").iterdir()) == [
        ".json",
        ".model" if kind in SUBWORD_KINDS else ".vocab",
    ]


def test_fingerprint_covers_the_normalisation(kind):
    normalised = [
        train(kind, normalization=form, lowercase=low) for form in ("none", "nfkc") for low in (False, True)
    ]
    assert len({tokenizer.fingerprint for tokenizer in normalised}) == 4


def test_normalisation_comes_first(kind):
    tokenizer = train(kind, normalization="nfkc", lowercase=True)
    texts = ["ＧＲＯßER   Hund", "großer hund", "gro\u00dfer \u2028 HUND "]
    first, *others = tokenizer.encode(texts)
    assert others == [first, first]
    assert tokenizer.decode([first]) == ["großer hund"]


def test_empty_training_text_is_refused(kind):
    with pytest.raises(UserError, match="its training text is empty"):
        train(kind, texts=["", "  "])


def test_a_vocabulary_of_special_ids_only_is_refused(kind):
    with pytest.raises(UserError, match="vocabulary_size=4 leaves no id for text"):
        train(kind, vocabulary_size=4)


def test_an_unknown_kind_is_refused():
    with pytest.raises(
        UserError, match="kind=bytes is no tokenizer; choose one of unigram, bpe, word, character"
    ):
        train("bytes")


def test_words_are_the_most_frequent_ones():
    tokenizer = train("word", texts=["b a c a", "b a d"], vocabulary_size=7)
    assert tokenizer.pieces(range(4, 7)) == ["a", "b", "c"]  # of c and d, seen once each, the first
    assert tokenizer.encode(["d a  c b"]) == [[1, 4, 6, 5]]


def test_characters_cover_a_share_of_the_text():
    tokenizer = train("character", texts=["aaaaaaaaa bbbbbbbb", "cd"], character_coverage=0.9)
    assert tokenizer.pieces(range(4, tokenizer.vocabulary_size)) == ["a", "b", " "]


@pytest.mark.parametrize("kind", ["word", "character"])
def test_kinds_with_one_segmentation_do_not_sample(kind):
    with pytest.raises(UserError, match=f"A {kind} tokenizer cannot sample"):
        TOKENIZERS[kind].sample(["Hund"], alpha=0.1, nbest=-1, seed=1)


def test_loading_what_is_not_there_names_the_file(tmp_path):
    with pytest.raises(UserError, match=r"joint\.json: No such file"):
        load_tokenizer(tmp_path, "joint")
    (tmp_path / "joint.json").write_text("{}")
    with pytest.raises(UserError, match=r"joint\.json is not the description of a tokenizer"):
        load_tokenizer(tmp_path, "joint")
    (tmp_path / "joint.json").write_text('{"kind": "morse", "normalization": "none", "lowercase": false}')
    with pytest.raises(UserError, match="a morse tokenizer, which this version does not know"):
        load_tokenizer(tmp_path, "joint")


def test_saving_where_nothing_can_be_written_says_so(kind, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"The folder could not be written to .*file"):
        TOKENIZERS[kind].save(tmp_path / "file", "joint")
