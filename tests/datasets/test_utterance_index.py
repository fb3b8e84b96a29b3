"""Utterances, what is left out of them, and their sound: cached, made anew, broken."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seq2seq.datasets.audio_table import AudioTable
from seq2seq.datasets.utterance_index import UtteranceIndex, Waveforms, build_utterance_index
from seq2seq.datasets.utterance_reader import Utterance
from seq2seq.errors import UserError
from seq2seq.text import CharacterTokenizer, Normalizer

RATE = 4000
TOKENIZER = CharacterTokenizer(list("abcd "), Normalizer())
ROUNDING = 0.5 / 32767.0 + 1e-7


def sound(path: Path, seconds: float = 0.2, rate: int = RATE, pitch: float = 300.0) -> Path:
    """A tone; 32-bit floats, so that rounding to 16 bits shows."""
    time = np.arange(round(seconds * rate)) / rate
    soundfile.write(path, 0.7 * np.sin(2 * np.pi * pitch * time), rate, subtype="FLOAT")
    return path


def utterances(folder: Path) -> list[Utterance]:
    """Another rate, a part of a file, and loud ones among them."""
    long = sound(folder / "long.wav", 0.5)
    loud = folder / "loud.wav"
    soundfile.write(loud, np.array([1.0, -1.0, 0.3], np.float32), RATE, subtype="FLOAT")
    return [
        Utterance("a", sound(folder / "a.wav", 0.2, 8000), 0.2, "ab"),
        Utterance("b", long, 0.2, "c", start=0.1, end=0.3),
        Utterance("c", loud, 3 / RATE, "d"),
        Utterance("d", long, 0.2, "a", start=0.3),
    ]


def table(folder: Path, rows: Sequence[tuple[str, float, str]]) -> AudioTable:
    """Of files ``NAME.wav`` with their seconds and texts; nothing is said of those of 0 seconds, which are broken."""
    lines = ["audio\ttext"]
    for name, seconds, text in rows:
        path = sound(folder / f"{name}.wav", seconds or 0.2)
        if not seconds:
            path.write_bytes(path.read_bytes()[:-400])
        lines.append(f"{path.name}\t{text}")
    manifest = folder / "train.tsv"
    manifest.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return AudioTable([manifest])


def index(
    reader: AudioTable, cache: Path | None, keep_all: bool = False, **options: object
) -> UtteranceIndex:
    return build_utterance_index(
        reader,
        name="train",
        tokenizer=TOKENIZER,
        sample_rate=RATE,
        hop_ms=10.0,
        keep_all=keep_all,
        cache=cache,
        **options,  # type: ignore[arg-type]
    )


def test_cache_is_what_decoding_gives_in_16_bits(tmp_path: Path) -> None:
    read = utterances(tmp_path)
    decoded, cached = Waveforms(read, RATE, None), Waveforms(read, RATE, tmp_path / "cache")
    for number in range(len(read)):
        expected, found = decoded(number), cached(number)
        assert found.dtype == expected.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)
    assert [len(cached(number)) for number in range(len(read))] == [800, 800, 3, 800]
    assert np.abs(cached(0) - decoded(0)).max() > 0.0  # it is the cache that was read
    np.testing.assert_array_equal(cached(2)[:2], [1.0, -1.0])


def test_cache_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = utterances(tmp_path)
    first = Waveforms(read, RATE, tmp_path / "cache")

    def refuse(*_: object, **__: object) -> np.ndarray:
        raise AssertionError("decoded again")

    monkeypatch.setattr("seq2seq.datasets.utterance_index.read_audio", refuse)
    again = Waveforms(read, RATE, tmp_path / "cache")
    for number in range(len(read)):
        np.testing.assert_array_equal(again(number), first(number))
    for other in (read[:2], read[::-1]):
        with pytest.raises(AssertionError):
            Waveforms(other, RATE, tmp_path / "cache")
    with pytest.raises(AssertionError):
        Waveforms(read, RATE // 2, tmp_path / "cache")


def test_cache_is_made_anew_when_a_file_changes(tmp_path: Path) -> None:
    read = utterances(tmp_path)
    before = Waveforms(read, RATE, tmp_path / "cache")(0)
    status = read[0].audio.stat()
    sound(read[0].audio, 0.2, 8000, pitch=500.0)  # as long as before
    os.utime(read[0].audio, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    after = Waveforms(read, RATE, tmp_path / "cache")(0)
    assert np.abs(after - before).max() > 0.1
    np.testing.assert_allclose(after, Waveforms(read, RATE, None)(0), rtol=0, atol=ROUNDING)


def test_a_cache_that_was_not_finished_is_none(tmp_path: Path) -> None:
    read = utterances(tmp_path)
    expected = Waveforms(read, RATE, tmp_path / "cache")(0)
    (folder,) = (tmp_path / "cache").iterdir()
    (folder / "sound.json").unlink()
    (folder / "sound.bin").write_bytes(b"half")
    np.testing.assert_array_equal(Waveforms(read, RATE, tmp_path / "cache")(0), expected)


BROKEN = [("a", 0.2, "ab"), ("x", 0.0, "b"), ("b", 0.3, "c"), ("y", 0.0, "d")]


def test_broken_sound_is_named(tmp_path: Path) -> None:
    reader = table(tmp_path, BROKEN)
    with pytest.raises(UserError) as caught:
        index(reader, tmp_path / "cache")
    lines = str(caught.value).split("\n")
    assert len(lines) == 2
    assert all(f"{name}.wav is cut off" in line for name, line in zip("xy", lines))


@pytest.mark.parametrize("keep_all", [False, True])
def test_broken_sound_is_left_out(tmp_path: Path, keep_all: bool, caplog: pytest.LogCaptureFixture) -> None:
    reader = table(tmp_path, BROKEN)
    found = index(reader, tmp_path / "cache", keep_all, skip_broken=True)
    assert found.counts == {"utterances": 2, "read": 4, "empty": 0, "too_long": 0, "broken": 2}
    assert [utterance.id for utterance in found.utterances] == ["a", "b"]
    assert [len(found.waveform(row)) for row in range(2)] == [800, 1200]
    assert [TOKENIZER.decode([found.target_ids(row)])[0] for row in range(2)] == ["ab", "c"]
    assert all(f"{name}.wav" in caplog.text for name in "xy")
    again = index(reader, tmp_path / "cache", keep_all, skip_broken=True)
    assert again.counts == found.counts
    with pytest.raises(UserError, match=r"x\.wav"):  # though the cache is there
        index(reader, tmp_path / "cache", keep_all)


ROWS = [
    ("a", 0.2, "ab"),
    ("b", 0.4, "a"),
    ("c", 0.2, ""),
    ("d", 0.2, "abcd"),
    ("e", 0.25, "abc"),
    ("f", 0.4, ""),
]


def test_training_leaves_out_what_is_empty_or_too_long(tmp_path: Path) -> None:
    reader = table(tmp_path, ROWS)
    found = index(reader, None, max_seconds=0.3, max_target_length=3)
    assert found.counts == {"utterances": 2, "read": 6, "empty": 2, "too_long": 2, "broken": 0}
    assert [utterance.id for utterance in found.utterances] == ["a", "e"]
    assert [len(found.waveform(row)) for row in range(len(found))] == [800, 1000]
    assert [found.target_ids(row) for row in range(2)] == TOKENIZER.encode(["ab", "abc"])
    np.testing.assert_array_equal(found.frames, [20, 25])
    assert len(index(reader, None)) == 4  # 0 is no limit


def test_evaluation_keeps_everything(tmp_path: Path) -> None:
    found = index(
        table(tmp_path, ROWS), tmp_path / "cache", keep_all=True, max_seconds=0.3, max_target_length=3
    )
    assert found.counts == {"utterances": 6, "read": 6, "empty": 2, "too_long": 2, "broken": 0}
    assert [found.target_ids(row) for row in range(6)] == TOKENIZER.encode([text for _, _, text in ROWS])
    np.testing.assert_array_equal(found.target.lengths, [2, 1, 0, 4, 3, 0])
    np.testing.assert_array_equal(found.frames, [20, 40, 20, 20, 25, 40])


def test_nothing_left_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"of 6, 0 are broken, 2 have no text and 4 .*max_seconds=0\.1 "):
        index(table(tmp_path, ROWS), None, max_seconds=0.1)
