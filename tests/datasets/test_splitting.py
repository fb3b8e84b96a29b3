"""Validation and test data held out of one corpus."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from seq2seq.datasets.readers.audio_jsonl import AudioJsonl
from seq2seq.datasets.readers.audio_table import AudioTable
from seq2seq.datasets.readers.common_voice import CommonVoice
from seq2seq.datasets.readers.manifest import Problems
from seq2seq.datasets.splitting.corpora import Corpus, open_corpus
from seq2seq.datasets.splitting.groups import Groups, normalized
from seq2seq.datasets.splitting.held_out import TEST, TRAIN, VAL, Amount, hold_out
from seq2seq.datasets.splitting.split import Result, refuse_to_overwrite, split_corpus
from seq2seq.errors import UserError
from seq2seq.files import WriteError

SPLITS = ("train", "val", "test")


def pairs(count: int, seed: int = 0) -> list[str]:
    """Lines of which many share a source or a target: there are not many more texts than lines."""
    draw = random.Random(seed)
    return [f"source {draw.randrange(3 * count)}\tcible {draw.randrange(3 * count)}" for _ in range(count)]


def write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def split(corpus: Corpus, folder: Path, val: str = "50", test: str = "50", seed: int = 0) -> Result:
    amounts = {"val": Amount.parse(val, "--val"), "test": Amount.parse(test, "--test")}
    return split_corpus(corpus, folder, seed=seed, **amounts)


def split_pairs(folder: Path, lines: Sequence[str], **options: object) -> dict[str, list[str]]:
    corpus = open_corpus(write(folder / "all.tsv", lines), None, None, None)
    out = folder / f"out-{len(list(folder.iterdir()))}"
    split(corpus, out, **options)
    return {name: (out / f"{name}.tsv").read_text(encoding="utf-8").splitlines() for name in SPLITS}


def test_no_text_is_in_two_splits_and_no_line_is_lost(tmp_path: Path) -> None:
    lines = pairs(1000)
    found = split_pairs(tmp_path, lines)
    assert {name: len(part) for name, part in found.items()} == {"train": 900, "val": 50, "test": 50}
    assert sorted(line for part in found.values() for line in part) == sorted(lines)
    assert found["train"] == [line for line in lines if line in set(found["train"])]  # in their order
    for side in (0, 1):
        texts = [{line.split("\t")[side] for line in part} for part in found.values()]
        assert len(set.union(*texts)) == sum(map(len, texts))
        assert len(texts[0]) < 900  # which were shared


def test_case_punctuation_and_form_do_not_tell_texts_apart(tmp_path: Path) -> None:
    alike = ["Oui.\tYes.", "OUI !\tYeah", "ｏｕｉ\tyup", "sure\tYUP?", "no\tsure thing"]
    for seed in range(20):
        found = split_pairs(tmp_path, [*pairs(100), *alike], seed=seed, val="30", test="30")
        places = {name for name, part in found.items() for line in alike[:4] if line in part}
        assert len(places) == 1
    assert normalized("Ça va ?") == normalized("ça  va") != normalized("ca va")
    assert normalized("?!") == "?!" != normalized("...")
    assert normalized(" \u00a0") == ""
    assert normalized("कि") != normalized("का")


def test_the_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    lines = pairs(600)
    found, again = split_pairs(tmp_path, lines), split_pairs(tmp_path, lines[::-1])
    assert {name: sorted(part) for name, part in found.items()} == {
        name: sorted(part) for name, part in again.items()
    }
    other = split_pairs(tmp_path, lines, seed=1)
    assert len(set(found["val"]) & set(other["val"])) < 15


def test_further_lines_move_few_and_none_between_val_and_test(tmp_path: Path) -> None:
    lines = pairs(2000)
    before, after = split_pairs(tmp_path, lines[:1900]), split_pairs(tmp_path, lines)
    for name, other in (("val", "test"), ("test", "val")):
        assert len(set(before[name]) & set(after[name])) >= 40  # of 50; 5 % of the lines are new
        assert not set(before[name]) & set(after[other])


def test_what_many_share_and_what_is_empty_is_trained_on(tmp_path: Path) -> None:
    common = [f"text {n}\tOui." for n in range(300)]
    half = [f"only source {n}\t" for n in range(100)]
    found = split_pairs(tmp_path, [*pairs(300), *common, *half])
    assert {len(found["val"]), len(found["test"])} == {50}
    assert set(common) | set(half) <= set(found["train"])
    with pytest.raises(
        UserError, match=r"all.tsv: none of 300 pairs are left for val; .* has 300, and goes to one"
    ):
        split_pairs(tmp_path, common)


def test_of_few_that_can_be_held_out_it_says_so(tmp_path: Path) -> None:
    lines = [*(f"text {n}\tOui." for n in range(300)), *(f"a{n}\tb{n}" for n in range(60))]
    result = split(open_corpus(write(tmp_path / "all.tsv", lines), None, None, None), tmp_path / "out")
    assert result.counts == {"train": 300, "val": 10, "test": 50}
    assert result.notes == [
        "val has 10 pairs, not 50: the largest group that shares sources or targets has 300."
    ]


@pytest.mark.parametrize(
    ("text", "examples", "count"),
    [
        (None, 10_000, 500),
        (None, 50_000, 1000),
        ("7", 10_000, 7),
        ("0.1", 50, 5),
        ("5%", 200, 10),
        ("0", 9, 0),
    ],
)
def test_amounts(text: str | None, examples: int, count: int) -> None:
    assert Amount.parse(text, "--val").of(examples) == count


@pytest.mark.parametrize("text", ["-1", "1.5", "100%", "many", "", "1e3", "٣"])
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^--val .*: must be a count \(1000\) or a share below the whole"):
        Amount.parse(text, "--val")


def test_groups_are_joined_by_what_is_between_them() -> None:
    groups = Groups()
    for keys in (["s:a", "t:1"], ["s:b", "t:2"], ["s:c", "t:3"], ["s:a", "t:2"]):
        groups.add(keys, keys)
    numbers = groups.numbers()
    assert numbers[0] == numbers[1] == numbers[3] != numbers[2]


def test_a_group_is_held_out_where_it_is_still_wanted_as_a_whole() -> None:
    groups = np.repeat(np.arange(40), 3)
    options = {"fit": np.ones(40, bool), "largest": 10, "seed": 0}
    splits = hold_out(groups, np.arange(40, dtype=np.uint64), {VAL: 10, TEST: 7}, **options)
    assert [int(np.sum(splits == split)) for split in (TRAIN, VAL, TEST)] == [105, 9, 6]
    for group in range(40):
        assert len(set(splits[groups == group])) == 1


def test_parallel_files_keep_their_endings(tmp_path: Path) -> None:
    lines = [line.split("\t") for line in pairs(400)]
    for n, name in enumerate(("c.en", "c.fr.gz")):
        text = "".join(f"{line[n]}\r\n" for line in lines)
        content = text.encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    corpus = open_corpus(tmp_path / "c.en", tmp_path / "c.fr.gz", None, None)
    split(corpus, tmp_path / "out", val="5%", test="0")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "train.en", "train.fr.gz", "val.en", "val.fr.gz",
    ]  # fmt: skip
    sources = (tmp_path / "out" / "val.en").read_text().splitlines()
    targets = gzip.decompress((tmp_path / "out" / "val.fr.gz").read_bytes()).decode().splitlines()
    assert len(sources) == 20
    assert all([source, target] in lines for source, target in zip(sources, targets))
    assert list(corpus.named("val")) == ["data.val.source=val.en", "data.val.target=val.fr.gz"]
    same = open_corpus(write(tmp_path / "a.txt", ["x"]), write(tmp_path / "b.txt", ["y"]), None, None)
    assert same.names("val") == ["val.source.txt", "val.target.txt"]


def test_columns_by_name_and_all_that_is_beside_them(tmp_path: Path) -> None:
    lines = ["id\ten\tfr", *(f"{n}\tsource {n}\tcible {n}" for n in range(200))]
    corpus = open_corpus(write(tmp_path / "all.tsv", lines), None, "en", "fr")
    split(corpus, tmp_path / "out", val="20", test="20")
    for name in SPLITS:
        header, *rest = (tmp_path / "out" / f"{name}.tsv").read_text().splitlines()
        assert header == lines[0]
        assert set(rest) <= set(lines[1:])
    assert corpus.overrides == ("data=tsv", "data.source_column=en", "data.target_column=fr")


def test_no_line_of_text_is_in_two_splits(tmp_path: Path) -> None:
    draw = random.Random(1)
    lines = [
        f"{draw.choice(['A', 'a'])} line {draw.randrange(900)}{draw.choice(['', '.', '!'])}"
        for _ in range(1000)
    ]
    corpus = open_corpus(
        write(tmp_path / "corpus.txt", [*lines[:500], "", *lines[500:], "  x\ty "]), None, None, None
    )
    assert split(corpus, tmp_path / "out").counts == {"train": 901, "val": 50, "test": 50}
    found = {name: (tmp_path / "out" / f"{name}.txt").read_text().splitlines() for name in SPLITS}
    assert sorted(line for part in found.values() for line in part) == sorted([*lines, "  x\ty "])
    texts = [{normalized(line) for line in part} for part in found.values()]
    assert len(set.union(*texts)) == sum(map(len, texts)) < 1001


def test_objects_are_kept_as_they_are(tmp_path: Path) -> None:
    lines = [json.dumps({"source": f"é {n}", "by": n, "target": f"ü {n}"}) for n in range(200)]
    corpus = open_corpus(write(tmp_path / "all.jsonl", lines), None, None, None)
    split(corpus, tmp_path / "out", val="20", test="20")
    written = [(tmp_path / "out" / f"{name}.jsonl").read_text().splitlines() for name in SPLITS]
    assert [len(part) for part in written] == [160, 20, 20]
    assert sorted(line for part in written for line in part) == sorted(lines)


def utterances(columns: tuple[str, str, str], count: int = 120) -> list[tuple[str, str, str]]:
    return [columns, *((f"wav/{n}.wav", f'says "{n % 10}", twice', f"voice {n % 12}") for n in range(count))]


@pytest.mark.parametrize("name", ["all.tsv", "all.csv", "all.jsonl", "validated.tsv"])
@pytest.mark.parametrize("moved", [True, False])
def test_no_speaker_is_in_two_splits_and_audio_is_found_where_it_was(
    name: str, moved: bool, tmp_path: Path
) -> None:
    voice = name == "validated.tsv"
    header, *rows = utterances(("path", "sentence", "client_id") if voice else ("audio", "text", "speaker"))
    path = tmp_path / name
    if name.endswith(".csv"):
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])
    elif name.endswith(".jsonl"):
        write(path, [json.dumps(dict(zip(header, row))) for row in rows])
    else:
        write(path, ["\t".join(row) for row in [header, *rows]])
    reader = {"all.jsonl": AudioJsonl, "validated.tsv": CommonVoice}.get(name, AudioTable)
    folder = tmp_path / "some" / "where" if moved else tmp_path
    result = split(open_corpus(path, None, None, None), folder, val="25", test="15")
    assert result.counts == {"train": 90, "val": 20, "test": 10}  # voices of 10 utterances each

    seen: list[set[str]] = []
    audio = []
    for part in SPLITS:
        found = reader([folder / f"{part}{path.suffix}"]).rows(problems := Problems())
        problems.raise_any()
        seen.append({row.utterance.speaker for row in found})
        audio += [(row.utterance.audio.resolve(), row.utterance.text) for row in found]
    assert len(set.union(*seen)) == sum(map(len, seen)) == 12
    beside = tmp_path / "clips" if voice else tmp_path
    assert sorted(audio) == sorted((beside / name, text) for name, text, _ in rows)


def test_without_speakers_recordings_stay_together(tmp_path: Path) -> None:
    rows = ["audio\ttext\tstart\tend", *(f"{n // 4}.wav\tt\t{n % 4}\t{n % 4 + 1}" for n in range(160))]
    split(open_corpus(write(tmp_path / "all.tsv", rows), None, None, None), tmp_path, val="16", test="16")
    files = [
        {line.split("\t")[0] for line in (tmp_path / f"{name}.tsv").read_text().splitlines()[1:]}
        for name in SPLITS
    ]
    assert [len(part) for part in files] == [32, 4, 4]
    assert len(set.union(*files)) == 40


def test_of_few_speakers_the_smallest_are_held_out(tmp_path: Path) -> None:
    sizes = {"a": 50, "b": 30, "c": 40}
    rows = [
        "audio\ttext\tspeaker",
        *(f"{who}{n}.wav\tt\t{who}" for who, size in sizes.items() for n in range(size)),
    ]
    corpus = open_corpus(write(tmp_path / "all.tsv", rows), None, None, None)
    result = split(corpus, tmp_path / "three", val="5%", test="5%")
    assert result.counts == {"train": 50, "val": 40, "test": 30}
    assert result.notes[0] == "val has 40 utterances, not 6: the smallest speaker or recording has so many."
    two = open_corpus(write(tmp_path / "two.tsv", rows[:81]), None, None, None)
    with pytest.raises(UserError, match="none of 80 utterances are left for train"):
        split(two, tmp_path / "two")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.tsv", "a\tb\na\tb\tc\n", r"a.tsv, line 2: 3 tab-separated columns, where the first line has 2"),
        ("a.tsv", "a\tb\na\t\udce9\n", r"a.tsv, line 2: this is not UTF-8"),
        ("a.jsonl", '{"source": "a", "target": "b"}\n{"source": 1}\n', r"a.jsonl, line 2: .*source holds 1"),
        ("a.csv", "a,b\n", r"a.csv: has no columns audio and text, and pairs of texts are read from tab-"),
        ("a.tsv", "audio\ttext\n\tb\n", r"a.tsv, line 2: the field audio is empty"),
        ("a.tsv", "", r"a.tsv is empty"),
    ],
)
def test_faults_are_named_with_file_and_line(name: str, content: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=sentence):
        split(open_corpus(tmp_path / name, None, None, None), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_or_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = open_corpus(write(tmp_path / "all.tsv", pairs(400)), None, None, None)
    folder = tmp_path / "out"
    folder.mkdir()
    write(folder / "test.tsv", ["mine"])
    for attempt in (refuse_to_overwrite, split):
        with pytest.raises(UserError, match=r"test.tsv: is there already; give another --output"):
            attempt(corpus, folder)
        assert [path.name for path in folder.iterdir()] == ["test.tsv"]

    def full(self: Path, *_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seq2seq.datasets.splitting.split._text_file", full)
    with pytest.raises(WriteError, match="No space left on device"):
        split(corpus, tmp_path / "other")
    assert not (tmp_path / "other").exists()
