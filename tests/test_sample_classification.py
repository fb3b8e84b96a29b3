"""The bundled sample of labelled sentences: made by its script, balanced, small, no sentence twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from data import make_classification as sample

FOLDER = Path(sample.__file__).parent / "classification"


def lines(part: str) -> list[tuple[str, ...]]:
    text = (FOLDER / f"{part}.tsv").read_text(encoding="utf-8")
    return [tuple(line.split("\t")) for line in text.splitlines()]


def test_script_writes_the_committed_bytes(tmp_path: Path) -> None:
    sample.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in FOLDER.iterdir())
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name


def test_it_is_small_and_balanced() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 150_000
    for part, size in sample.SIZES.items():
        counts = Counter(label for label, _ in lines(part))
        assert counts == dict.fromkeys(sample.KINDS, size // len(sample.KINDS))


def test_no_sentence_is_there_twice_and_no_word_is_new() -> None:
    sentences = [sentence for part in sample.SIZES for _, sentence in lines(part)]
    assert len(set(sentences)) == len(sentences)
    known = {word for _, sentence in lines("train") for word in sentence.split()}
    assert all(known.issuperset(sentence.split()) for sentence in sentences)


def test_the_beginning_of_a_sentence_does_not_tell() -> None:
    kinds_of: dict[str, set[str]] = {}
    for label, sentence in lines("train"):
        kinds_of.setdefault(sentence.split()[0], set()).add(label)
    assert kinds_of["how"] == {"exclamation", "question", "statement"}
    assert kinds_of["do"] == {"command", "question"}
    assert kinds_of["what"] == {"exclamation", "question"}
