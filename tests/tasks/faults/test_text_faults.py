"""Faults of text that `check` finds, planted in the bundled sample; and that it finds none in clean corpora."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from seq2seq.config.compose import compose
from seq2seq.datasets import ParallelText
from seq2seq.datasets.readers.pair_reader import place_of_pair
from seq2seq.tasks.table import task_of

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data" / "translation"
SHARED = ROOT.parent / "shared" / "data"
SIZES = {"train": 2000, "val": 500, "test": 500}

Corpus = dict[str, list[list[str]]]
"""By split, pairs of lines."""


def sample() -> Corpus:
    sides = {
        split: [
            (SAMPLE / f"{split}.{side}").read_text(encoding="utf-8").splitlines() for side in ("en", "de")
        ]
        for split in SIZES
    }
    return {split: [list(pair) for pair in zip(*sides[split])][:size] for split, size in SIZES.items()}


def overrides(folder: Path, names: dict[str, tuple[str, str]]) -> list[str]:
    sides = ("source", "target")
    files = [f"data.{split}.{side}={name}" for split in names for side, name in zip(sides, names[split])]
    return ["data=parallel_text", f"data.root={folder}", *files]


def faults_of(corpus: Corpus, folder: Path) -> list[str]:
    names = {split: (f"{split}.en", f"{split}.de") for split in corpus}
    for split, pairs in corpus.items():
        for side, name in enumerate(names[split]):
            (folder / name).write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
    config = compose(overrides(folder, names))
    return [sentence.replace(f"{folder}/", "") for sentence in task_of(config).faults_of_files()]


# --- what is planted ---


def lines(corpus: Corpus, split: str, side: int, every: int, change: Callable[[str], str]) -> None:
    """Changes lines 1, 1 + every, … of a side."""
    for pair in corpus[split][::every]:
        pair[side] = change(pair[side])


def pairs(corpus: Corpus, split: str, every: int, change: Callable[[list[str]], list[str]]) -> None:
    for pair in corpus[split][::every]:
        pair[:] = change(pair)


def insert_line(corpus: Corpus, split: str, at: int, side: int = 1) -> None:
    """A line that one side has too much."""
    column = [pair[side] for pair in corpus[split]]
    for pair, text in zip(corpus[split], [*column[:at], "Diese Zeile ist zu viel.", *column[at:]]):
        pair[side] = text


def copy(corpus: Corpus, split: str, count: int, target: str | None = None) -> None:
    """Puts pairs, or their sources, into training."""
    corpus["train"] += [[source, target or text] for source, text in corpus[split][:count]]


def swapped(pair: list[str]) -> list[str]:
    return pair[::-1]


def untranslated(pair: list[str]) -> list[str]:
    return [pair[0], pair[0]]


def tokenised(text: str) -> str:
    return re.sub(r"(\w)([.,?!])", r"\1 \2", text)


def both(change: Callable[[str], str]) -> Callable[[list[str]], list[str]]:
    return lambda pair: [change(text) for text in pair]


def read_as(encoding: str) -> Callable[[str], str]:
    return lambda text: f"Schöne Grüße! {text}".encode().decode(encoding)


STRAY = dict(split="train", side=1, every=100)

CASES: dict[str, tuple[Callable[[Corpus], None], str]] = {
    "a split swapped": (
        partial(pairs, split="val", every=1, change=swapped),
        r"49\d of 500 pairs of data.val have source and target swapped, such as val.en, line 1: swap them back\.",
    ),
    "some pairs swapped": (
        partial(pairs, split="train", every=50, change=swapped),
        r"40 of 2,000 pairs of data.train have source and target swapped, such as train.en, line 1:",
    ),
    "half the pairs swapped": (
        partial(pairs, split="train", every=2, change=swapped),
        r"9\d\d of 2,000 pairs of data.train have source and target swapped, such as train.en, line 1:",
    ),
    "a target line too much": (
        partial(insert_line, split="train", at=800),
        r"about pairs 80\d to 2,000 of data.train are out of step \(the target of a source stands 1 line later\), such"
        r" as train.en, line 80\d: find the line",
    ),
    "a source line too much": (
        partial(insert_line, split="val", at=200, side=0),
        r"about pairs 20\d to 500 of data.val are out of step \(the target of a source stands 1 line earlier\)",
    ),
    "a split out of step from its beginning": (
        partial(insert_line, split="test", at=0),
        r"about pairs 1 to 500 of data.test are out of step",
    ),
    "pairs twice": (
        partial(copy, split="train", count=300),
        r"300 of 2,300 pairs of data.train are there before, such as train.en, line 2001:",
    ),
    "held-out pairs in training": (
        partial(copy, split="val", count=20),
        r"20 of 500 pairs of data.val are in data.train as well, such as val.en, line 1: remove them from data.train",
    ),
    "held-out sources in training": (
        partial(copy, split="test", count=20, target="Etwas ganz anderes."),
        r"20 of 500 pairs of data.test have a source of data.train's, such as test.en, line 1:",
    ),
    "targets too long": (
        partial(lines, **STRAY, change=lambda text: text * 6),
        r"20 of 2,000 pairs of data.train have a side more than 3 times as long .*, such as train.en, line 1:",
    ),
    "another script": (
        partial(lines, **STRAY, change=lambda text: "Это предложение на другом языке."),
        r"20 of 2,000 lines of data.train's target are not in the script of the others \(latin\), such as"
        r" train.de, line 1:",
    ),
    "letters that look alike": (
        partial(lines, **STRAY, change=lambda text: "Das Рferd schläft."),
        r"20 of 2,000 lines of data.train's target have words that mix scripts .*, such as train.de, line 1:",
    ),
    "some pairs untranslated": (
        partial(pairs, split="train", every=50, change=untranslated),
        r"40 of 2,000 pairs of data.train have a target in the language of the source, such as train.de, line 1:",
    ),
    "the same file twice": (
        lambda corpus: [pairs(corpus, split, every=1, change=untranslated) for split in corpus],
        r"2,000 of 2,000 pairs of data.train have the source as target, such as train.en, line 1:",
    ),
    "training in lower case": (
        partial(pairs, split="train", every=1, change=both(str.lower)),
        r"100% of the lines of data.val's source are in upper and lower case, and 0% of data.train's, such as"
        r" val.en, line 1:",
    ),
    "a split in capitals": (
        partial(pairs, split="test", every=1, change=both(str.upper)),
        r"100% of the lines of data.test's source are in capitals, and 0% of data.train's, such as test.en, line 1:",
    ),
    "a split tokenised": (
        partial(pairs, split="val", every=1, change=both(tokenised)),
        r"100% of the lines of data.val's source are tokenised .*, and 0% of data.train's, such as val.en, line 1:",
    ),
    "a side tokenised": (
        lambda corpus: [lines(corpus, split, side=1, every=1, change=tokenised) for split in corpus],
        r"100% of the lines of data.train's source are not tokenised, and 0% of its target, such as train.en, line 1:",
    ),
    "a split without punctuation": (
        partial(pairs, split="val", every=1, change=both(lambda text: text.rstrip(".?!"))),
        r"100% of the lines of data.val's source are without punctuation, and 0% of data.train's",
    ),
    "tags": (
        partial(lines, **STRAY, change=lambda text: text.replace(" ", "<br/>", 1)),
        r"20 of 2,000 lines of data.train's target hold HTML \(tags or entities\), such as train.de, line 1:",
    ),
    "entities": (
        partial(lines, split="val", side=0, every=50, change=lambda text: f"{text}&nbsp;&#39;"),
        r"10 of 500 lines of data.val's source hold HTML",
    ),
    "UTF-8 read as Latin-1": (
        partial(lines, **STRAY, change=read_as("latin-1")),
        r"20 of 2,000 lines of data.train's target are UTF-8 that was read as Latin-1 .*, such as train.de, line 1:",
    ),
    "UTF-8 read as Windows-1252": (
        partial(lines, **STRAY, change=read_as("cp1252")),
        r"20 of 2,000 lines of data.train's target are UTF-8 that was read as Latin-1 or Windows-1252",
    ),
    "characters lost": (
        partial(lines, **STRAY, change=lambda text: f"Sch\ufffdn. {text}"),
        r"20 of 2,000 lines of data.train's target are UTF-8 that was .* lost \(U\+FFFD\)",
    ),
    "control characters": (
        partial(lines, **STRAY, change=lambda text: f"\x07{text}"),
        r"20 of 2,000 lines of data.train's target hold control or zero-width characters",
    ),
    "zero-width characters": (
        partial(lines, **STRAY, change=lambda text: f"Nur\u200b {text}"),
        r"20 of 2,000 lines of data.train's target hold control or zero-width characters",
    ),
    "empty lines": (
        partial(lines, split="train", side=1, every=1000, change=lambda text: "  "),
        r"2 of 2,000 lines of data.train's target are empty, such as train.de, line 1:",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_planted_fault_is_found_and_no_other(name: str, tmp_path: Path) -> None:
    plant, expected = CASES[name]
    corpus = sample()
    plant(corpus)
    found = faults_of(corpus, tmp_path)
    assert found and re.match(expected, found[0])
    kinds = {
        re.sub(r"[\d,]+%?|train|val|test|source|target|\.(en|de)|line", "", sentence) for sentence in found
    }
    assert len(kinds) == 1, found  # of several splits or sides


MULTI30K = {"train": "train", "val": "val", "test": "test_2016_flickr"}
CLEAN = {
    "the bundled sample": (SAMPLE, {split: (f"{split}.en", f"{split}.de") for split in SIZES}),
    **{
        f"Multi30k{kind}": (
            SHARED / "multi30k",
            {split: (f"{name}{kind}.en", f"{name}{kind}.de") for split, name in MULTI30K.items()},
        )
        for kind in ("", ".lc.norm.tok")
    },
    "Tatoeba": (
        SHARED / "fra-eng",
        {split: (f"{name}.en", f"{name}.fr") for split, name in zip(SIZES, ("train", "dev", "test"))},
    ),
}


@pytest.mark.parametrize("name", CLEAN)
def test_clean_corpora_have_none(name: str) -> None:
    folder, files = CLEAN[name]
    if not folder.is_dir():
        pytest.skip(f"{name} is not in {folder}")
    assert list(task_of(compose(overrides(folder, files))).faults_of_files()) == []


@pytest.mark.parametrize("kind", ["tsv", "jsonl"])
def test_other_formats_name_the_line_too(kind: str, tmp_path: Path) -> None:
    rows = {
        "tsv": "Yes.\tJa.\n\n<b>No</b>\tNein.\n",
        "jsonl": '{"source": "Yes.", "target": "Ja."}\n\n{"source": "<b>No</b>", "target": "Nein."}\n',
    }
    (tmp_path / "train").write_text(rows[kind])
    (tmp_path / "val").write_text(rows[kind].replace("Yes", "Well").replace("<b>No</b>", "Never"))
    config = compose([f"data={kind}", f"data.root={tmp_path}", "data.train=train", "data.val=val"])
    (sentence,) = task_of(config).faults_of_files()
    assert sentence.startswith("1 of 2 lines of data.train's source hold HTML")
    assert f"such as {tmp_path / 'train'}, line 3: " in sentence


def test_what_people_write_is_no_fault(tmp_path: Path) -> None:
    """Everyday phrases in every split, names on both sides, quotes behind ß, joiners, an angle bracket."""
    corpus = sample()
    phrases = [["No.", "Nein."], ["Tom!", "Tom!"], ["Mary Smith", "Mary Smith"]]
    odd = [
        ["He said “great”.", "Er sagte: „groß“."],
        ["a < b & c > d", "a < b & c > d"],
        ["می‌خواهم", "ich möchte"],
    ]
    for split in corpus:
        corpus[split] += phrases
    corpus["train"] += odd
    assert faults_of(corpus, tmp_path) == []


def test_sides_of_one_language_are_neither_swapped_nor_untranslated(tmp_path: Path) -> None:
    corpus = sample()
    for split in corpus:
        pairs(corpus, split, every=1, change=lambda pair: [pair[0], pair[0].replace("The ", "A ")])
    assert faults_of(corpus, tmp_path) == []


@pytest.mark.parametrize("header", [["Source", "Target"], ["en", "de"]])
def test_a_header_that_is_read_as_a_pair(header: list[str], tmp_path: Path) -> None:
    corpus = {split: pairs[:100] for split, pairs in sample().items()}
    corpus["val"].insert(0, header)
    assert faults_of(corpus, tmp_path) == [
        "the first pair of data.val looks like the header of a table, such as val.en, line 1: give data.source_column"
        " and data.target_column as names, or remove the line, which is learnt or measured as a pair."
    ]


def test_lines_out_of_step_are_found_in_sorted_files(tmp_path: Path) -> None:
    """Where neighbours are as long as one another: by the numbers in them."""
    corpus = sample()
    corpus["train"].sort(key=lambda pair: len(pair[0]))
    for number, pair in enumerate(corpus["train"]):
        pair[:] = [text.replace(" ", f" {7 * number % 1000} ", 1) for text in pair]
    assert faults_of(corpus, tmp_path) == []
    insert_line(corpus, "train", at=1000)
    (sentence,) = faults_of(corpus, tmp_path)
    assert re.match(r"about pairs (99\d|1,00\d) to 2,000 of data.train are out of step", sentence)


def test_the_place_of_a_pair_of_several_files(tmp_path: Path) -> None:
    for name, text in {"a.en": "1\n2\n", "b.en": "3\n", "all.de": "1\n2\n3\n"}.items():
        (tmp_path / name).write_text(text)
    reader = ParallelText([tmp_path / "a.en", tmp_path / "b.en"], [tmp_path / "all.de"])
    assert place_of_pair(reader, 2, "source") == f"{tmp_path / 'b.en'}, line 1"
    assert place_of_pair(reader, 2, "target") == f"{tmp_path / 'all.de'}, line 3"
