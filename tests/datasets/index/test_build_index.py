import logging
import os
import resource
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.datasets import PairIndex, Tsv, build_index
from seq2seq.datasets import build_index as build_index_function
from seq2seq.errors import UserError
from seq2seq.files import WriteError, atomic_directory
from seq2seq.text import Normalizer, WordTokenizer
from tests.datasets.toy import PAIRS, SOURCE, TARGET, parallel_text

module = sys.modules[build_index_function.__module__]


def build(folder, pairs=PAIRS, **options):
    settings = {
        "name": "train",
        "source_tokenizer": SOURCE,
        "target_tokenizer": TARGET,
        "keep_all": False,
        "keep_text": True,
        **options,
    }
    reader = options.pop("reader", None) or parallel_text(folder, pairs)
    settings.pop("reader", None)
    return build_index(reader, folder / "index", **settings)


def rows(index):
    every = np.arange(len(index))
    sides = []
    for side in (index.source, index.target):
        ragged = side.rows(every)
        assert ragged.lengths.tolist() == side.lengths.tolist()
        parts = np.split(ragged.values, np.cumsum(ragged.lengths)[:-1])
        sides.append(
            list(zip(map(np.ndarray.tolist, parts), side.texts(every) if side.text is not None else parts))
        )
    return list(zip(index.line_numbers.tolist(), *sides))


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_for_training_unsuitable_pairs_are_left_out_and_counted(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    index = build(tmp_path, max_source_length=4, max_target_length=3)
    assert rows(index) == [
        (0, ([4, 5], "a b"), ([4], "A")),
        (2, ([6, 1], "c \u2028 ü"), ([6, 4], "Ｃ  A")),
        (7, ([7, 6, 5], "d c b"), ([7], "D")),
    ]
    assert index.counts == {"pairs": 3, "lines": 8, "empty": 3, "long_source": 1, "long_target": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "train: 3 of 8 pairs",
        "train: 3 pairs with an empty side, left out",
        "train: 1 pairs whose source is longer than data.max_source_length=4 tokens, left out",
        "train: 1 pairs whose target is longer than data.max_target_length=3 tokens, left out",
    ]


def test_for_evaluation_every_pair_is_kept_and_cut(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    index = build(tmp_path, keep_all=True, max_source_length=4, max_target_length=3)
    assert rows(index) == [
        (0, ([4, 5], "a b"), ([4], "A")),
        (1, ([1], ""), ([5], "B")),
        (2, ([6, 1], "c \u2028 ü"), ([6, 4], "Ｃ  A")),
        (3, ([7], "d"), ([], " \t")),
        (4, ([4, 4, 4, 4], "a a a a a"), ([4, 4, 4], "A A A")),
        (5, ([5], "b"), ([5, 6, 7], "B C D A")),
        (6, ([1], " "), ([], "")),
        (7, ([7, 6, 5], "d c b"), ([7], "D")),
    ]
    assert index.counts == {"pairs": 8, "lines": 8, "empty": 3, "long_source": 1, "long_target": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "train: 8 of 8 pairs",
        "train: 3 pairs with an empty side, kept",
        "train: 1 pairs whose source is longer than data.max_source_length=4 tokens, cut there",
        "train: 1 pairs whose target is longer than data.max_target_length=3 tokens, cut there",
    ]


@pytest.mark.parametrize("chunk_pairs", [1, 3])
def test_chunks_leave_no_trace(tmp_path, monkeypatch, chunk_pairs):
    whole = rows(build(tmp_path / "whole"))
    seen = []
    monkeypatch.setattr(module, "CHUNK_PAIRS", chunk_pairs)
    assert rows(build(tmp_path / "chunks", progress=seen.append)) == whole
    assert seen == [*range(chunk_pairs, 8, chunk_pairs), 8]
    monkeypatch.setattr(module, "CHUNK_PAIRS", 1000)
    monkeypatch.setattr(module, "CHUNK_CHARACTERS", 1)
    assert rows(build(tmp_path / "characters")) == whole


def test_a_line_that_is_both_sides_is_tokenised_once(tmp_path, monkeypatch):
    pairs = [("a b", "a b"), ("", ""), ("c c c", "c c c")]
    counted, encode = [], type(SOURCE).encode
    monkeypatch.setattr(
        type(SOURCE), "encode", lambda self, texts: counted.append(len(texts)) or encode(self, texts)
    )
    for keep_all in (True, False):
        same = build(
            tmp_path / "once", pairs, target_tokenizer=SOURCE, keep_all=keep_all, max_target_length=2
        )
        assert counted.pop() == 3 and not counted
        other = WordTokenizer(["a", "b", "c", "d"], Normalizer())
        twice = build(
            tmp_path / "twice", pairs, target_tokenizer=other, keep_all=keep_all, max_target_length=2
        )
        assert counted == [3, 3]
        counted.clear()
        assert rows(same) == rows(twice)
        np.testing.assert_array_equal(same.target.lengths, twice.target.lengths)


@given(
    st.lists(
        st.tuples(
            *[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r\ufeff"))] * 2
        ),
        min_size=1,
    )
)
def test_any_text_comes_back(tmp_path_factory, pairs):
    index = build(tmp_path_factory.mktemp("any"), pairs, keep_all=True)
    assert rows(index) == [
        (i, (SOURCE.encode([source])[0] or [1], source), (TARGET.encode([target])[0], target))
        for i, (source, target) in enumerate(pairs)
    ]


def test_rows_in_any_order(tmp_path):
    index = build(tmp_path, keep_all=True)
    ragged = index.source.rows(np.array([7, 1, 0, 7]))
    assert ragged.values.tolist() == [7, 6, 5, 1, 4, 5, 7, 6, 5]
    assert ragged.lengths.tolist() == [3, 1, 2, 3]
    assert index.target.rows(np.array([3, 6])).values.tolist() == []
    assert index.target.texts(np.array([7, 2])) == ["D", "Ｃ  A"]


def test_without_text(tmp_path):
    index = build(tmp_path, keep_text=False)
    assert [row[1][0] for row in rows(index)] == [[4, 5], [6, 1], [4] * 5, [5], [7, 6, 5]]
    with pytest.raises(ValueError, match="without text"):
        index.source.texts(np.array([0]))


def test_all_targets_empty(tmp_path):
    index = build(tmp_path, [("a", ""), ("b", " ")], keep_all=True, keep_text=False)
    assert [row[2][0] for row in rows(index)] == [[], []]


def test_ids_take_two_bytes_if_they_fit(tmp_path):
    words = [f"w{i}" for i in range(2**16 - 4)]
    pairs = [("w65531", "w65531"), ("w65532", "w65532")]
    tokenizers = [WordTokenizer(words, Normalizer()), WordTokenizer([*words, "w65532"], Normalizer())]
    index = build(tmp_path, pairs, source_tokenizer=tokenizers[0], target_tokenizer=tokenizers[1])
    assert index.source.ids.dtype == np.uint16
    assert index.target.ids.dtype == np.int32
    assert index.source.ids.tolist() == [65535, 1]
    assert index.target.ids.tolist() == [65535, 65536]


def test_the_same_content_is_indexed_once(tmp_path):
    def folders():
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "index").iterdir()}

    first = build(tmp_path)
    before = folders()
    (tmp_path / "source").touch()
    again = build(tmp_path, progress=lambda _: pytest.fail("read again"))
    assert folders() == before
    assert rows(again) == rows(first)


@pytest.mark.parametrize(
    "change",
    [
        {"max_source_length": 4},
        {"max_target_length": 4},
        {"keep_all": True},
        {"keep_text": False},
        {"source_tokenizer": TARGET},
        {"target_tokenizer": WordTokenizer(["A", "B", "C", "D"], Normalizer("nfc"))},
        {"pairs": [*PAIRS[:-1], ("d c b", "C")]},
        {"name": "val"},
    ],
)
def test_other_content_is_indexed_beside(tmp_path, change):
    first = build(tmp_path)
    before = rows(first)
    assert len(list((tmp_path / "index").iterdir())) == 1
    build(tmp_path, **change)
    assert len(list((tmp_path / "index").iterdir())) == 2
    assert rows(first) == before


def test_the_columns_count_as_content(tmp_path):
    (tmp_path / "t.tsv").write_text("a\tb\tc\n")
    reader = [Tsv([tmp_path / "t.tsv"], source_column=0, target_column=column) for column in (1, 2)]
    build(tmp_path, reader=reader[0])
    assert build(tmp_path, reader=reader[1]).target.texts(np.array([0])) == ["c"]


@pytest.mark.parametrize("damage", ["cut", "missing", "changed", "{", "{}", "[]", '{"columns": 1}', ""])
def test_a_damaged_index_is_made_anew(tmp_path, damage):
    expected = rows(build(tmp_path))
    [folder] = (tmp_path / "index").iterdir()
    before = content(folder)
    if damage == "cut":
        os.truncate(folder / "source_ids.bin", 2)
    elif damage == "missing":
        (folder / "target_offsets.bin").unlink()
    elif damage == "changed":
        (folder / "source_ids.bin").write_bytes(b"\xff" * len(before["source_ids.bin"]))
    else:
        (folder / "index.json").write_text(damage)
    assert rows(build(tmp_path)) == expected
    assert content(folder) == before


def test_what_cannot_be_read_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_PAIRS", 2)
    reader = parallel_text(tmp_path, PAIRS)
    with (tmp_path / "target").open("ab") as stream:
        stream.write(b"one more\n")
    with pytest.raises(UserError, match=r"has 8 and .* has 9"):
        build(tmp_path, reader=reader)
    assert not (tmp_path / "index").exists()
    (tmp_path / "source").unlink()
    with pytest.raises(UserError, match=r"Cannot read .*source: No such file"):
        build(tmp_path, reader=reader)


def test_a_full_disk_leaves_nothing(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    pairs = [("a b c d", "A B C D")] * 10_000
    reader = parallel_text(tmp_path, pairs)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        with pytest.raises(WriteError, match=r"The index of tokenised text of train .*: File too large"):
            build(tmp_path, reader=reader)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "index").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "index").touch()
    with pytest.raises(WriteError, match=r"The folder could not be written to .*index: File exists"):
        build(tmp_path)


def test_leftovers_of_killed_processes_are_removed_and_of_living_ones_kept(tmp_path):
    with atomic_directory(tmp_path / "index" / "train-1", "the other"):
        (tmp_path / "index" / ".train-0.unfinished").mkdir()
        build(tmp_path)
        hidden = [path.name for path in (tmp_path / "index").iterdir() if path.name.startswith(".")]
        assert sorted(hidden) == [".train-1.lock", ".train-1.unfinished"]


def test_nothing_left_to_train_on_says_why(tmp_path):
    with pytest.raises(UserError) as caught:
        build(tmp_path, [("", "A"), ("a a", "A"), ("a", "A B")], max_source_length=1, max_target_length=1)
    assert str(caught.value) == (
        "None of the pairs of data.train is left of 3: 1 with an empty side, 1 whose source is longer than "
        "data.max_source_length=1 tokens, 1 whose target is longer than data.max_target_length=1 tokens."
        " Give longer limits, or shorter lines: sentences, not paragraphs."
    )


def test_a_very_long_line(tmp_path):
    pairs = [("a " * 50_000, "A" * 100_000), ("b", "B")]
    limits = {"max_source_length": 100, "max_target_length": 100}
    assert len(build(tmp_path, pairs, **limits)) == 1
    index = build(tmp_path, pairs, **limits, keep_all=True)
    assert index.source.lengths.tolist() == [100, 1]
    assert index.target.texts(np.array([0])) == ["A" * 100_000]


def test_an_index_opens_by_its_folder(tmp_path):
    expected = rows(build(tmp_path))
    assert rows(PairIndex(next((tmp_path / "index").iterdir()))) == expected
