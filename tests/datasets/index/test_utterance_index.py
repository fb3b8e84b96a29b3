"""Utterances, what is left out of them, and their audio: cached, made anew, broken."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seq2seq.audio import AudioReader
from seq2seq.datasets.batches.speech import SpeechBatchMaker
from seq2seq.datasets.index.utterance_index import UtteranceIndex, build_utterance_index
from seq2seq.datasets.index.waveforms import Waveforms
from seq2seq.datasets.readers.audio_table import AudioTable
from seq2seq.datasets.readers.utterance_reader import Utterance
from seq2seq.errors import UserError
from seq2seq.text import CharacterTokenizer, Normalizer

RATE = 4000
TOKENIZER = CharacterTokenizer(list("abcd "), Normalizer())
ROUNDING = 0.5 / 32767.0 + 1e-7


def audio(path: Path, seconds: float = 0.2, rate: int = RATE, pitch: float = 300.0) -> Path:
    """A tone; 32-bit floats, so that rounding to 16 bits shows."""
    time = np.arange(round(seconds * rate)) / rate
    soundfile.write(path, 0.7 * np.sin(2 * np.pi * pitch * time), rate, subtype="FLOAT")
    return path


def utterances(folder: Path) -> list[Utterance]:
    """Another rate, a part of a file, and loud ones among them."""
    long = audio(folder / "long.wav", 0.5)
    loud = folder / "loud.wav"
    soundfile.write(loud, np.array([1.0, -1.0, 0.3], np.float32), RATE, subtype="FLOAT")
    return [
        Utterance("a", audio(folder / "a.wav", 0.2, 8000), 0.2, "ab"),
        Utterance("b", long, 0.2, "c", start=0.1, end=0.3),
        Utterance("c", loud, 3 / RATE, "d"),
        Utterance("d", long, 0.2, "a", start=0.3),
    ]


def table(folder: Path, rows: Sequence[tuple[str, float, str]]) -> AudioTable:
    """Of files ``NAME.wav`` with their seconds and texts; nothing is said of those of 0 seconds, which are broken."""
    lines = ["audio\ttext"]
    for name, seconds, text in rows:
        path = audio(folder / f"{name}.wav", seconds or 0.2)
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


def counts(**numbers: int) -> dict[str, int]:
    return {**dict.fromkeys(("broken", "empty", "long_audio", "long_text"), 0), **numbers}


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

    monkeypatch.setattr(AudioReader, "__call__", refuse)
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
    audio(read[0].audio, 0.2, 8000, pitch=500.0)  # as long as before
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


def test_two_processes_write_one_cache(tmp_path: Path) -> None:
    """The second begins while the first is half way, waits for it, and takes what it has written."""
    read = utterances(tmp_path)
    cache = tmp_path / "cache"
    code = (
        "import logging, pickle, sys\nfrom pathlib import Path\nlogging.basicConfig(level=logging.INFO)\n"
        "from seq2seq.datasets.index.waveforms import Waveforms\n"
        "read, rate, cache = pickle.load(sys.stdin.buffer)\nWaveforms(read, rate, cache)\n"
    )
    others: list[subprocess.Popen[bytes]] = []

    class Slow(Waveforms):
        def _decode(self, number: int) -> np.ndarray:
            if not others:
                other = subprocess.Popen(
                    [sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE
                )
                others.append(other)
                assert other.stdin is not None and other.stderr is not None
                other.stdin.write(pickle.dumps((read, RATE, cache)))
                other.stdin.close()
                assert b"another process is writing it" in other.stderr.readline()
            return super()._decode(number)

    found = Slow(read, RATE, cache)
    written = next(cache.iterdir()).stat().st_ino
    assert others[0].wait() == 0
    assert next(cache.iterdir()).stat().st_ino == written
    for number in range(len(read)):
        np.testing.assert_allclose(found(number), Waveforms(read, RATE, None)(number), rtol=0, atol=ROUNDING)
    assert [path.name[:6] for path in cache.iterdir()] == ["sound-"]


def test_a_cache_that_was_cut_off_is_none(tmp_path: Path) -> None:
    read = utterances(tmp_path)
    expected = Waveforms(read, RATE, tmp_path / "cache")(3)
    (folder,) = (tmp_path / "cache").iterdir()
    (folder / "sound.bin").write_bytes((folder / "sound.bin").read_bytes()[:-4])
    np.testing.assert_array_equal(Waveforms(read, RATE, tmp_path / "cache")(3), expected)


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    read = utterances(tmp_path)
    read[0].audio.unlink()
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(UserError, match=r"Cannot read .*a\.wav: No such file"):
            Waveforms(read, RATE, cache, check=[0])


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
    assert found.counts == counts(utterances=2, read=4, broken=2)
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
    assert found.counts == counts(utterances=2, read=6, empty=2, long_audio=1, long_text=1)
    assert [utterance.id for utterance in found.utterances] == ["a", "e"]
    assert [len(found.waveform(row)) for row in range(len(found))] == [800, 1000]
    assert [found.target_ids(row) for row in range(2)] == TOKENIZER.encode(["ab", "abc"])
    np.testing.assert_array_equal(found.frames, [20, 25])
    assert len(index(reader, None)) == 4  # 0 is no limit


def test_evaluation_keeps_everything(tmp_path: Path) -> None:
    found = index(
        table(tmp_path, ROWS), tmp_path / "cache", keep_all=True, max_seconds=0.3, max_target_length=3
    )
    assert found.counts == counts(utterances=6, read=6, empty=2, long_audio=1, long_text=1)
    assert [found.target_ids(row) for row in range(6)] == TOKENIZER.encode([text for _, _, text in ROWS])
    np.testing.assert_array_equal(found.target.lengths, [2, 1, 0, 4, 3, 0])
    np.testing.assert_array_equal(found.frames, [20, 40, 20, 20, 25, 40])


def test_nothing_left_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        index(table(tmp_path, ROWS), None, max_seconds=0.1)
    assert str(caught.value) == (
        "No utterance of data.train is left of 6: 2 without text, 4 longer than data.max_seconds=0.1."
    )


# Broken in every way there is, with and without a cache


def mixed(folder: Path) -> AudioTable:
    """Headers tell of ``zero`` and ``cut``, which have no length; of ``nan`` and ``flac`` only decoding does."""
    (tone,) = np.tile(0.5 * np.sin(np.arange(800) / 4), (1, 1)).astype(np.float32)
    soundfile.write(folder / "zero.wav", tone[:0], RATE)
    spoilt = np.where(np.arange(800) == 7, np.nan, tone)
    soundfile.write(folder / "nan.wav", spoilt, RATE, subtype="FLOAT")
    rng = np.random.default_rng(1)
    soundfile.write(folder / "flac.flac", 0.3 * rng.standard_normal(8000), RATE)
    whole = (folder / "flac.flac").read_bytes()
    (folder / "flac.flac").write_bytes(whole[: len(whole) // 2])
    table(folder, [("a", 0.2, "ab"), ("cut", 0.0, "b"), ("b", 0.3, "c")])
    lines = (folder / "train.tsv").read_text().splitlines()
    lines[2:2] = ["zero.wav\ta", "nan.wav\tab", "flac.flac\tc"]
    (folder / "train.tsv").write_text("".join(f"{line}\n" for line in lines))
    return AudioTable([folder / "train.tsv"])


SAID = {
    "zero": "zero.wav has no audio: its length is zero",
    "nan": "nan.wav: sample 7 is nan, not a finite number",
    "flac": "flac.flac is ",
    "cut": "cut.wav is cut off",
}


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("keep_all", [False, True])
def test_every_broken_sound_is_left_out_named_and_counted(
    tmp_path: Path, cached: bool, keep_all: bool, caplog: pytest.LogCaptureFixture
) -> None:
    found = index(mixed(tmp_path), tmp_path / "cache" if cached else None, keep_all, skip_broken=True)
    known = cached or keep_all  # else training finds out as it goes
    assert [u.id for u in found.utterances] == (["a", "b"] if known else ["a", "nan", "flac", "b"])
    assert found.counts["broken"] == (4 if known else 2)
    rows = np.arange(len(found))
    batch = SpeechBatchMaker(found, TOKENIZER)(rows)
    assert [found.utterances[row].id for row in batch.example_ids] == (
        ["a", "b"] if known else ["a", "b", "b", "b"]
    )
    assert batch.waveform_length.tolist() == ([800, 1200] if known else [800, 1200, 1200, 1200])
    assert found.counts["broken"] == 4
    assert all(caplog.text.count(sentence) == 1 for sentence in SAID.values())
    again = SpeechBatchMaker(found, TOKENIZER)(rows)
    np.testing.assert_array_equal(again.example_ids, batch.example_ids)
    assert all(caplog.text.count(sentence) == 1 for sentence in SAID.values())


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("keep_all", [False, True])
def test_every_broken_sound_is_an_error(tmp_path: Path, cached: bool, keep_all: bool) -> None:
    with pytest.raises(UserError) as caught:
        index(mixed(tmp_path), tmp_path / "cache" if cached else None, keep_all)
    for name, sentence in SAID.items():
        assert (sentence in str(caught.value)) is (cached or keep_all or name in ("zero", "cut"))


def test_broken_sound_that_only_decoding_finds_is_an_error_of_its_batch(tmp_path: Path) -> None:
    reader = mixed(tmp_path)
    lines = (tmp_path / "train.tsv").read_text().splitlines()
    (tmp_path / "train.tsv").write_text(
        "".join(f"{line}\n" for line in lines if line[:4] not in ("zero", "cut."))
    )
    found = index(reader, None)
    maker = SpeechBatchMaker(found, TOKENIZER)
    assert maker([0, 3]).example_ids.tolist() == [0, 3]
    with pytest.raises(UserError, match=r"nan\.wav: sample 7 is nan"):
        maker([0, 1])


def test_when_all_sound_has_become_broken(tmp_path: Path) -> None:
    found = index(table(tmp_path, [("a", 0.2, "ab"), ("b", 0.3, "c")]), None, skip_broken=True)
    for name in "ab":
        (tmp_path / f"{name}.wav").unlink()
    with pytest.raises(UserError, match="The audio of all 2 utterances is broken"):
        SpeechBatchMaker(found, TOKENIZER)([1])


def test_a_manifest_that_says_nothing_of_lengths_is_measured(tmp_path: Path) -> None:
    for name, seconds in (("a", 0.2), ("b", 0.5)):
        audio(tmp_path / f"{name}.wav", seconds)
    (tmp_path / "train.tsv").write_text("audio\ttext\tseconds\na.wav\ta\t0\nb.wav\tb\t0\n")
    for cache in (None, tmp_path / "cache"):
        found = index(AudioTable([tmp_path / "train.tsv"]), cache, max_seconds=0.4)
        assert [(u.id, u.seconds) for u in found.utterances] == [("a", 0.2)]
        assert found.frames.tolist() == [20]
