"""Lengths in headers: those that a program writing to a pipe leaves there, and those of files that were cut off."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seq2seq.audio import audio_info, read_audio
from seq2seq.errors import UserError

RATE, SAMPLES = 16000, 16000
PCM = (10000 * np.sin(np.arange(2 * SAMPLES) / 10)).astype("<i2")


def chunk(name: bytes, content: bytes, length: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if length is None else length) + content


def wave_format(bits: int = 16, channels: int = 1, rate: int = RATE) -> bytes:
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, bits))


LIST = chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf58.29.100\0")  # what FFmpeg writes before the audio
ALL_ONES = 2**32 - 1


def wav(length: int, content: bytes, *, riff: int | None = None, before: bytes = wave_format()) -> bytes:
    whole = length if riff is None else riff
    return b"RIFF" + struct.pack("<I", whole) + b"WAVE" + before + chunk(b"data", content, length)


def rf64(length: int, content: bytes) -> bytes:
    long = chunk(b"ds64", struct.pack("<QQQI", length, length, 0, 0))
    return (
        b"RF64"
        + struct.pack("<I", ALL_ONES)
        + b"WAVE"
        + long
        + wave_format()
        + chunk(b"data", content, ALL_ONES)
    )


def w64(length: int, content: bytes) -> bytes:
    ending = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    head = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000") + struct.pack("<Q", length) + b"wave" + ending
    format_chunk = b"fmt " + ending + struct.pack("<Q", 24 + 16) + wave_format()[8:]
    return head + format_chunk + b"data" + ending + struct.pack("<Q", length) + content


MONO, STEREO_24 = PCM[:SAMPLES].tobytes(), bytes(b for n in range(2 * SAMPLES) for b in (0, n % 99, n % 7))
PIPED = {
    **{
        f"{length:#x}{' behind a LIST' if before else ''}": wav(length, MONO, before=wave_format() + before)
        for length in (0, 0x7FFFF000, 0x7FFFFFFF, 0x7FFFFFDB, 0x80000000, 0x80000024, 0xFFFFFFFF, 0xFFFFFFDB)
        for before in (b"", LIST)
    },
    "in the audio's chunk alone": wav(ALL_ONES, MONO, riff=len(MONO) + 36),
    "0 in the audio's chunk alone": wav(0, MONO, riff=len(MONO) + 36),
    "a whole number of frames": wav(0x7FFFF000 // 6 * 6, STEREO_24, before=wave_format(24, 2)),
    "half a frame more": wav(0x80000000, STEREO_24 + b"\1\2\3", before=wave_format(24, 2)),
    "0, and half a frame more": wav(0, STEREO_24 + b"\1\2\3", before=wave_format(24, 2)),
    **{f"RF64 {length:#x}": rf64(length, MONO) for length in (0, 2**63 - 1, 2**64 - 1)},
    **{f"W64 {length:#x}": w64(length, MONO) for length in (0, 24, 2**63 - 1, 2**64 - 1)},
}


@pytest.mark.parametrize("name", PIPED)
def test_a_length_that_nobody_knew_is_that_of_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(PIPED[name])
    assert audio_info(path).samples == SAMPLES
    audio = read_audio(path, RATE)
    if "frame" in name:
        assert audio.shape == (SAMPLES,)
    else:
        np.testing.assert_array_equal(audio, (PCM[:SAMPLES] / 2**15).astype(np.float32))
    np.testing.assert_array_equal(read_audio(path, RATE, start=0.25, end=0.5), audio[4000:8000])


HALF = MONO[: len(MONO) // 2]


@pytest.mark.parametrize(
    ("content", "promised"),
    [
        (wav(len(MONO), HALF), 32000),
        (wav(len(MONO), HALF, before=wave_format() + LIST), 32000),
        (wav(0x7FF00000, HALF), 0x7FF00000),
        (wav(0xC0000000, HALF), 0xC0000000),
        (rf64(len(MONO), HALF), 32000),
        (rf64(2**33, HALF), 2**33),
        (w64(24 + len(MONO), HALF), 32000),
    ],
)
def test_what_was_cut_off_is_named(tmp_path: Path, content: bytes, promised: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    for read in (audio_info, lambda path: read_audio(path, RATE)):
        with pytest.raises(UserError) as caught:
            read(path)
        assert str(caught.value) == (
            f"{path} is cut off: its header promises {promised:,} bytes of audio, but there are 16,000."
        )


@pytest.mark.parametrize("form", ["AU", "AIFF", "CAF", "W64", "RF64", "WAV", "WAVEX"])
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_other_containers(tmp_path: Path, form: str, endian: str) -> None:
    path = tmp_path / "a"
    if not soundfile.check_format(form, "PCM_16", endian):
        pytest.skip(f"there is no {form} of that order")
    soundfile.write(path, PCM[:SAMPLES], RATE, format=form, endian=endian, subtype="PCM_16")
    np.testing.assert_array_equal(read_audio(path, RATE), (PCM[:SAMPLES] / 2**15).astype(np.float32))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(UserError, match="is cut off: its header promises 32,0"):
        read_audio(path, RATE)


@pytest.mark.parametrize("behind", [b"", LIST, LIST + LIST])
def test_nothing_is_nothing(tmp_path: Path, behind: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(0, behind))
    with pytest.raises(UserError, match="has no audio: its length is zero"):
        read_audio(path, RATE)


@pytest.mark.parametrize("rate", [1, 999, 1_000_001])
def test_rates_of_no_sound_are_refused(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(len(MONO), MONO, before=wave_format(rate=rate)))
    with pytest.raises(
        UserError, match=f"has a sample rate of {rate:,} Hz, by its header; audio has 1,000 to"
    ):
        read_audio(path, RATE)


@pytest.mark.parametrize(
    "name", ["a.au", "a.snd", "a.vox", "a.gsm", "a.raw", "a.wav", "a.mp3", "a.ogg", "a.flac"]
)
def test_text_is_no_sound_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("this is no audio\n" * 100)
    with pytest.raises(UserError, match="is not an audio file that can be read"):
        read_audio(path, RATE)
