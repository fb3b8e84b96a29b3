"""The bundled sample of speech: made by its script, in voices held out, with audio that can be read."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data import make_speech as sample
from seq2seq.audio import audio_info, read_audio
from seq2seq.datasets import AudioTable, Utterance

FOLDER = Path(sample.__file__).parent / "speech"
PARTS = ("train", "val", "test")


@pytest.fixture(scope="module")
def parts() -> dict[str, list[Utterance]]:
    return {part: AudioTable([FOLDER / f"{part}.tsv"]).utterances() for part in PARTS}


def test_script_writes_the_committed_tables() -> None:
    for part, utterances in sample.plan().items():
        assert (FOLDER / f"{part}.tsv").read_bytes() == sample.manifest(FOLDER, part, utterances).encode()


def test_sizes() -> None:
    files = [path for path in FOLDER.parent.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < 8_000_000
    assert max(path.stat().st_size for path in files) < 2_000_000


def test_every_file_is_named_once_and_can_be_read(parts: dict[str, list[Utterance]]) -> None:
    named = [utterance.audio for utterances in parts.values() for utterance in utterances]
    assert sorted(named) == sorted(FOLDER.rglob("*.ogg"))
    for utterances in parts.values():
        for utterance in utterances:
            info = audio_info(utterance.audio)
            assert (info.sample_rate, info.channels) == (16000, 1)
            assert utterance.seconds == pytest.approx(info.seconds, abs=1e-3)
            audio = read_audio(utterance.audio, 16000)
            assert len(audio) == info.samples
            assert 0.1 < np.abs(audio).max() < 0.99, utterance.id  # neither lost nor clipped
            assert 0.15 < utterance.seconds / len(utterance.text.split()) < 1.2, utterance.id


def test_texts_are_digits_and_no_string_occurs_twice(parts: dict[str, list[Utterance]]) -> None:
    texts = [utterance.text for utterances in parts.values() for utterance in utterances]
    assert len(set(texts)) == len(texts) == sum(sample.SIZES.values())
    for text in texts:
        assert 2 <= len(text.split()) <= 5
        assert set(text.split()) <= set(sample.WORDS)
    for part, least in (("train", 100), ("val", 8), ("test", 8)):
        counts = Counter(word for utterance in parts[part] for word in utterance.text.split())
        assert min(counts[word] for word in sample.WORDS) >= least, part


def test_voices_are_held_out(parts: dict[str, list[Utterance]]) -> None:
    voices = {part: {utterance.speaker.partition("+")[2] for utterance in parts[part]} for part in PARTS}
    accents = {part: {utterance.speaker.partition("+")[0] for utterance in parts[part]} for part in PARTS}
    assert [len(voices[part]) for part in PARTS] == [32, 5, 5]
    assert len(set.union(*voices.values())) == 42
    assert accents["val"] | accents["test"] <= accents["train"]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_script_speaks_the_committed_sound() -> None:
    spoken = sample.plan()["test"][0]
    again, committed = sample.render(spoken), read_audio(FOLDER / f"test/{spoken.id}.ogg", 16000)
    assert len(again) == len(committed)
    difference = np.mean((again - committed) ** 2) / np.mean(again**2)
    assert difference < 0.1  # what Opus loses
