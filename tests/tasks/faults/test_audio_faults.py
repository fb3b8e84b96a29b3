"""Faults of recordings and manifests that `check` finds, planted in the bundled sample; and none in clean corpora."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from seq2seq.audio.reading import read_audio
from seq2seq.config.compose import compose
from seq2seq.datasets import AudioTable
from seq2seq.errors import UserError
from seq2seq.tasks.table import task_of

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data" / "speech"
SHARED = ROOT.parent / "shared" / "data"
RATE = 16_000
SIZES = {"train": 100, "val": 40}


@dataclass
class Row:
    """An utterance that is to be written."""

    audio: np.ndarray
    text: str
    seconds: float


Corpus = dict[str, list[Row]]


@cache
def utterances(split: str, count: int) -> list[tuple[np.ndarray, str]]:
    read = AudioTable([SAMPLE / f"{split}.tsv"]).utterances()[:count]
    return [(read_audio(each.audio, RATE), each.text) for each in read]


def rows_of(split: str, count: int) -> list[Row]:
    return [Row(audio, text, len(audio) / RATE) for audio, text in utterances(split, count)]


def sample() -> Corpus:
    return {split: rows_of(split, count) for split, count in SIZES.items()}


def faults(overrides: list[str], folder: Path) -> list[str]:
    """Of files and of indices, as `check` asks for them."""
    task = task_of(compose(["task=speech", *overrides]))
    found = list(task.faults_of_files())
    tokenizers = task.make_tokenizers(folder / "tokenizer")
    indices = {split: task.index(tokenizers, split, folder / "index") for split in SIZES}
    return found + list(task.faults_of_indices(indices))


def faults_of(corpus: Corpus, folder: Path) -> list[str]:
    for split, rows in corpus.items():
        table = ["audio\ttext\tseconds"]
        for number, row in enumerate(rows, start=1):
            soundfile.write(folder / f"{split}{number}.wav", row.audio, RATE, subtype="PCM_16")
            table.append(f"{split}{number}.wav\t{row.text}\t{row.seconds:.3f}")
        (folder / f"{split}.tsv").write_text("\n".join(table))
    overrides = ["data=audio_table", f"data.root={folder}", "data.train=train.tsv", "data.val=val.tsv"]
    return [sentence.replace(f"{folder}/", "") for sentence in faults(overrides, folder)]


# --- what is planted ---


def sounds(corpus: Corpus, split: str, every: int, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Changes the audio of utterances 1, 1 + every, …"""
    for row in corpus[split][::every]:
        row.audio = change(row.audio)


def texts(corpus: Corpus, split: str, every: int, change: Callable[[str], str]) -> None:
    for row in corpus[split][::every]:
        row.text = change(row.text)


def lengths(corpus: Corpus, factor: float) -> None:
    for row in corpus["train"]:
        row.seconds *= factor


def copy(corpus: Corpus, split: str, count: int) -> None:
    """Puts the audio of a split into training, in recordings of their own."""
    corpus["train"] += [Row(row.audio, row.text, row.seconds) for row in corpus[split][:count]]


def shift_texts(corpus: Corpus) -> None:
    """Of more utterances: a digit more or less says little about a length."""
    rows = corpus["train"] = rows_of("train", 400)
    moved = [rows[-1].text, *(row.text for row in rows)]
    for row, text in zip(rows[100:], moved[100:]):
        row.text = text


def clip(audio: np.ndarray) -> np.ndarray:
    return np.clip(4.0 * audio / np.abs(audio).max(), -1.0, 1.0)


def resampled(audio: np.ndarray, rate: int) -> np.ndarray:
    return np.clip(soxr.resample(soxr.resample(audio, RATE, rate), rate, RATE), -1.0, 1.0)[: len(audio)]


CASES: dict[str, tuple[Callable[[Corpus], None], str]] = {
    "silence": (
        partial(sounds, split="train", every=20, change=np.zeros_like),
        r"5 of 100 recordings of data.train are silent .*, such as train1 \(train1.wav\): remove them",
    ),
    "clipping": (
        partial(sounds, split="val", every=10, change=clip),
        r"4 of 40 recordings of data.val are clipped, such as val1 \(val1.wav\): record or convert them again",
    ),
    "telephone audio": (
        partial(sounds, split="train", every=5, change=partial(resampled, rate=8000)),
        r"20 of 100 recordings of data.train hold nothing above 4 kHz, as audio of 8,000 Hz, such as"
        r" train1 \(train1.wav\): .* model.features.sample_rate=8000 fits",
    ),
    "audio twice": (
        partial(copy, split="train", count=10),
        r"10 of 110 recordings of data.train are there before, such as train101 \(train101.wav\): keep each once",
    ),
    "held-out audio in training": (
        partial(copy, split="val", count=1),
        r"1 of 40 recordings of data.val are recordings of data.train, too, such as val1 \(val1.wav\): remove them from"
        r" data.train",
    ),
    "texts too long for their audio": (
        partial(texts, split="train", every=25, change=lambda text: " ".join([text] * 6)),
        r"4 of 100 recordings of data.train are more than 3 times as long, or short, as their text suggests, such as"
        r" train1 \(train1.wav\)",
    ),
    "texts out of step": (
        shift_texts,
        r"about recordings (9|10)\d to 400 of data.train have the text of their neighbours, such as train(9|10)\d",
    ),
    "milliseconds": (
        partial(lengths, factor=1000.0),
        r"100 of 100 recordings of data.train have a length in milliseconds, .* such as train1 \(train1.wav\): convert",
    ),
    "samples": (
        partial(lengths, factor=RATE),
        r"100 of 100 recordings of data.train have a length in samples",
    ),
    "lengths of something else": (
        partial(lengths, factor=2.0),
        r"100 of 100 recordings of data.train have another length than their audio",
    ),
    "some texts in capitals": (
        partial(texts, split="train", every=4, change=str.upper),
        r"25% of the lines of data.train's text are in capitals, and 75% in lower case, such as train1 \(train1.wav\)",
    ),
    "some texts with punctuation": (
        partial(texts, split="train", every=4, change=lambda text: f"{text}."),
        r"25% of the lines of data.train's text are with punctuation at the end, and 75% without punctuation",
    ),
    "a split in capitals": (
        partial(texts, split="val", every=1, change=str.upper),
        r"100% of the lines of data.val's text are in capitals, and 0% of data.train's, such as val1 \(val1.wav\)",
    ),
    "texts with tags": (
        partial(texts, split="val", every=20, change=lambda text: f"<i>{text}</i>"),
        r"2 of 40 lines of data.val's text hold HTML \(tags or entities\), such as val1 \(val1.wav\)",
    ),
    "empty texts": (
        partial(texts, split="train", every=50, change=lambda text: ""),
        r"2 of 100 lines of data.train's text are empty, such as train1 \(train1.wav\)",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_planted_fault_is_found_and_no_other(name: str, tmp_path: Path) -> None:
    plant, expected = CASES[name]
    corpus = sample()
    plant(corpus)
    (sentence,) = faults_of(corpus, tmp_path)
    assert re.match(expected, sentence), sentence


def test_the_bundled_sample_has_none(tmp_path: Path) -> None:
    assert faults([], tmp_path) == []


def test_an4_has_none(tmp_path: Path) -> None:
    folder = SHARED / "an4"
    if not folder.is_dir():
        pytest.skip(f"AN4 is not in {folder}")
    overrides = ["data=audio_table", f"data.root={folder}", "data.train=train.tsv", "data.val=dev.tsv"]
    assert faults(overrides, tmp_path) == []


def test_librispeech_has_none(tmp_path: Path) -> None:
    """Its speakers in two splits."""
    folder = SHARED / "librispeech_sample" / "dev-clean"
    if not folder.is_dir():
        pytest.skip(f"the LibriSpeech sample is not in {folder}")
    speakers = sorted(path for path in folder.iterdir() if path.is_dir())
    for split, some in (("train", speakers[8:]), ("val", speakers[:8])):
        (tmp_path / split).mkdir()
        for speaker in some:
            (tmp_path / split / speaker.name).symlink_to(speaker)
    overrides = ["data=librispeech", f"data.root={tmp_path}", "data.train=train", "data.val=val"]
    assert faults(overrides, tmp_path) == []


def test_a_time_in_another_unit_is_refused_with_a_guess(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    (tmp_path / "a.tsv").write_text("audio\ttext\tstart\tend\na.wav\tyes\t0\t1000\n")
    sentence = r"no part from 0 to 1000; times are in seconds, and this looks like milliseconds or samples\.$"
    with pytest.raises(UserError, match=sentence):
        AudioTable([tmp_path / "a.tsv"]).utterances()
