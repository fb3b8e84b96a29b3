"""The digest by which a run knows its data again: of the content, wherever it lies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seq2seq.datasets import build_index
from seq2seq.datasets.index.digest import digest_of
from seq2seq.datasets.index.utterance_index import build_utterance_index
from seq2seq.datasets.readers.audio_table import AudioTable
from seq2seq.text import CharacterTokenizer, Normalizer
from tests.datasets.toy import PAIRS, SOURCE, TARGET, parallel_text

RATE = 4000


def test_parts_do_not_run_into_each_other() -> None:
    zeros = np.zeros(4, np.int32)
    parts = [
        ("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), (np.zeros((2, 2), np.int32),), (zeros,), (zeros[:0],),
        (np.zeros(2, np.int64),), (zeros, zeros), (),
    ]  # fmt: skip
    assert len({digest_of(*some) for some in parts}) == len(parts)
    assert digest_of("a", zeros) == digest_of("a", zeros.copy()) == digest_of("a", np.zeros(8, np.int32)[::2])


def pairs_digest(folder: Path, pairs: list[tuple[str, str]] = PAIRS, keep_text: bool = False) -> str:
    folder.mkdir(exist_ok=True)
    index = build_index(
        parallel_text(folder, pairs),
        folder / "index",
        name="train",
        source_tokenizer=SOURCE,
        target_tokenizer=TARGET,
        keep_all=False,
        keep_text=keep_text,
    )
    return index.digest


def test_pairs(tmp_path: Path) -> None:
    before = pairs_digest(tmp_path / "a")
    assert pairs_digest(tmp_path / "a") == before  # opened, not made
    assert pairs_digest(tmp_path / "b") == before
    (source, target), *others = PAIRS
    assert source == "a b"
    others_than_before = [
        [(target, source), *others],
        [("b a", target), *others],
        [*others, (source, target)],
        [(source, target)],
        [*PAIRS, (source, target)],
    ]
    digests = {pairs_digest(tmp_path / str(n), pairs) for n, pairs in enumerate(others_than_before)}
    assert len(digests | {before}) == 1 + len(others_than_before)


def test_text_that_is_kept_counts_where_its_tokens_are_the_same(tmp_path: Path) -> None:
    edited = [("a  b", PAIRS[0][1]), *PAIRS[1:]]
    assert pairs_digest(tmp_path / "a", edited) == pairs_digest(tmp_path / "b")
    assert pairs_digest(tmp_path / "c", edited, True) != pairs_digest(tmp_path / "d", PAIRS, True)


def corpus(folder: Path) -> Path:
    folder.mkdir()
    for n, pitch in enumerate((200.0, 300.0)):
        tone(folder / f"{n}.wav", pitch)
    (folder / "train.tsv").write_text("audio\ttext\n0.wav\tab\n1.wav\tc\n", encoding="utf-8")
    return folder


def tone(path: Path, pitch: float, seconds: float = 0.2) -> None:
    time = np.arange(round(seconds * RATE)) / RATE
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * pitch * time), RATE)


def edit_text(folder: Path) -> None:
    manifest = folder / "train.tsv"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("\tc", "\td"), encoding="utf-8")


def utterances_digest(folder: Path, cache: bool) -> str:
    return build_utterance_index(
        AudioTable([folder / "train.tsv"]),
        name="train",
        tokenizer=CharacterTokenizer(list("abcd "), Normalizer()),
        sample_rate=RATE,
        hop_ms=10.0,
        keep_all=False,
        cache=folder / "cache" if cache else None,
    ).digest


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize(
    ("edit", "found_without_cache"),
    [
        (edit_text, True),
        (lambda folder: tone(folder / "1.wav", 300.0, seconds=0.3), True),
        (lambda folder: tone(folder / "1.wav", 400.0), False),  # of the same size: its content is not read
    ],
)
def test_utterances(
    cache: bool, edit: Callable[[Path], None], found_without_cache: bool, tmp_path: Path
) -> None:
    folder = corpus(tmp_path / "here")
    before = utterances_digest(folder, cache)
    assert utterances_digest(folder, cache) == before
    moved = shutil.copytree(folder, tmp_path / "there", ignore=shutil.ignore_patterns("cache"))
    assert utterances_digest(moved, cache) == before
    edit(moved)
    assert (utterances_digest(moved, cache) != before) == (cache or found_without_cache)


def test_a_cache_of_an_earlier_version_is_made_anew(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "here")
    before = utterances_digest(folder, cache=True)
    (facts,) = (folder / "cache").glob("*/sound.json")
    facts.write_text(facts.read_text().replace("digest", "other"))
    assert utterances_digest(folder, cache=True) == before
