"""Audio files of every format and sample type, and what is wrong with broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from seq2seq.audio import AudioInfo, audio_info, read_audio
from seq2seq.errors import UserError

RATE = 16000


def tone(seconds: float = 1.0, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write(path: Path, audio: np.ndarray, rate: int = RATE, **options: str) -> Path:
    soundfile.write(path, audio, rate, **options)
    return path


def refusal(path: Path, rate: int = RATE, **part: float) -> str:
    with pytest.raises(UserError) as caught:
        read_audio(path, rate, **part)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_U8", 1 / 127),
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "PCM_32", 2**-23),
        ("a.wav", "FLOAT", 0.0),
        ("a.wav", "DOUBLE", 0.0),
        ("a.flac", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", 2**-23),
        ("a.ogg", "VORBIS", 0.05),
        ("a.ogg", "OPUS", 0.05),
        ("a.mp3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_formats_and_sample_types(tmp_path: Path, name: str, subtype: str, tolerance: float) -> None:
    path = write(tmp_path / name, tone(), subtype=subtype)
    assert audio_info(path) == AudioInfo(samples=RATE, sample_rate=RATE, channels=1)
    assert audio_info(path).seconds == 1.0
    audio = read_audio(path, RATE)
    assert audio.dtype == np.float32
    assert audio.shape == (RATE,)
    inside = slice(500, -500) if tolerance > 0.01 else slice(None)  # lossy codecs are worse at the ends
    np.testing.assert_allclose(audio[inside], tone()[inside], rtol=0, atol=tolerance)


def test_channels_are_mixed_down(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.stack([tone(), 0.5 * tone(), 0 * tone()], axis=1), subtype="FLOAT")
    assert audio_info(path) == AudioInfo(RATE, RATE, 3)
    np.testing.assert_allclose(read_audio(path, RATE), 0.5 * tone(), atol=1e-6)


NOISE, OTHER = np.random.default_rng(5).uniform(-0.4, 0.4, (2, RATE)).astype(np.float32)
ZERO = np.zeros(RATE, np.float32)
CHANNELS = {
    "inverted": ([NOISE, -NOISE], 0),
    "inverted and softer": ([NOISE, -0.7 * NOISE], 0),
    "inverted, with a constant": ([NOISE + 0.3, 0.3 - NOISE], 0),
    "inverted, with a little noise": ([NOISE + 0.1 * OTHER, 0.1 * OTHER - NOISE], 0),
    "silence, and two inverted": ([ZERO, NOISE, -NOISE], 1),
    "two pairs": ([NOISE, -NOISE, OTHER, -OTHER], 0),
    "one beside silence": ([NOISE, ZERO], None),
    "one of eight": ([NOISE, *7 * [ZERO]], None),
    "unrelated": ([NOISE, OTHER], None),
    "copies": ([NOISE, NOISE], None),
    "half inverted": ([NOISE, OTHER - 0.5 * NOISE], None),
    "silence": ([ZERO, ZERO], None),
}


@pytest.mark.parametrize("case", CHANNELS)
def test_where_channels_cancel_out_the_first_is_taken(tmp_path: Path, case: str) -> None:
    channels, taken = CHANNELS[case]
    path = write(tmp_path / "a.wav", np.stack(channels, axis=1), subtype="FLOAT")
    told: list[tuple[str, str]] = []
    audio = read_audio(path, RATE, notice=lambda *what: told.append(what))
    expected = np.mean(channels, axis=0) if taken is None else channels[taken]
    np.testing.assert_allclose(audio, expected, atol=1e-6)
    said = f"{path}: its {len(channels)} channels cancel out; channel {(taken or 0) + 1} is used, and not their mean."
    assert told == ([] if taken is None else [("cancelled", said)])


def test_channels_are_mixed_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [
        write(tmp_path / "a.flac", np.stack([NOISE, OTHER], axis=1), 44100),
        write(tmp_path / "b.flac", np.stack([NOISE, -NOISE], axis=1), 44100),
    ]
    whole = [read_audio(path, RATE, start=0.1) for path in paths]
    monkeypatch.setattr("seq2seq.audio.reading.BLOCK_SAMPLES", 1000)
    for path, expected in zip(paths, whole):
        np.testing.assert_array_equal(read_audio(path, RATE, start=0.1), expected)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_any_rate_is_resampled(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wav", tone(rate=rate), rate, subtype="FLOAT")
    assert audio_info(path).seconds == 1.0
    audio = read_audio(path, RATE)
    assert audio.shape == (RATE,)
    np.testing.assert_allclose(audio[800:-800], tone()[800:-800], atol=1e-3)


def test_parts(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 2 * RATE).astype(np.float32)
    path = write(tmp_path / "a.wav", noise, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(path, RATE, start=0.5, end=1.25), noise[8000:20000])
    np.testing.assert_array_equal(read_audio(path, RATE, start=1.5), noise[24000:])
    np.testing.assert_array_equal(read_audio(path, RATE, end=2.009), noise)
    for start, end in ((-0.1, 1.0), (1.0, 1.0), (1.5, 1.0), (0.0, 2.1), (2.0, 2.005)):
        assert refusal(path, start=start, end=end) == (
            f"FILE is 2.00 seconds long, and has no part from {start:g} to {end:g}."
        )
    assert refusal(path, start=3.0) == "FILE is 2.00 seconds long, and has no part from 3 to its end."


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
def test_a_part_of_a_compressed_file_is_that_of_the_whole(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 2 * RATE)
    path = write(tmp_path / name, noise)
    part = read_audio(path, RATE, start=0.7, end=1.3)
    np.testing.assert_allclose(part, read_audio(path, RATE)[11200:20800], rtol=0, atol=1e-6)


def test_loud_sound_is_clipped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", 4 * tone(), subtype="FLOAT")
    told: list[tuple[str, str]] = []
    audio = read_audio(path, RATE, notice=lambda *what: told.append(what))
    np.testing.assert_array_equal(audio, np.clip(4 * tone(), -1, 1))
    assert told == [("clipped", f"{path}: samples reach 2.00, and are clipped to ±1.")]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.wav", {}, "FILE is cut off: its header promises 32,000 bytes of audio, but there are 15,978."),
        ("a.flac", {}, "FILE is damaged or cut off: its audio cannot be decoded."),
        (
            "a.ogg",
            {"subtype": "VORBIS"},
            "FILE is cut off: its last page is not marked as the last, or not whole.",
        ),
        ("a.mp3", {}, "FILE is cut off: its header promises 16,000 samples, but there are"),
    ],
)
def test_half_a_file_is_refused(tmp_path: Path, name: str, options: dict[str, str], message: str) -> None:
    path = write(tmp_path / name, np.random.default_rng(0).uniform(-0.5, 0.5, RATE), **options)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refusal(path).startswith(message)


def test_an_ogg_file_without_its_last_page_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ogg", np.random.default_rng(0).uniform(-0.5, 0.5, 10 * RATE))
    whole = path.read_bytes()
    for end in (whole.rfind(b"OggS"), len(whole) - 1):
        path.write_bytes(whole[:end])
        assert refusal(path) == "FILE is cut off: its last page is not marked as the last, or not whole."


def test_a_stream_whose_header_promises_nothing_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone())
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    np.testing.assert_allclose(read_audio(path, RATE), tone(), atol=2**-15)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.wav") == "Cannot read FILE: No such file or directory."
    assert refusal(tmp_path) == "Cannot read FILE: Is a directory."
    unreadable = "FILE is not an audio file that can be read, or its header is damaged."
    for name, content, message in (
        ("empty.flac", b"", "FILE is empty."),
        ("text.wav", b"this is no audio\n" * 9, unreadable),
        ("head.flac", b"fLaC\0\0", unreadable),
        ("a.raw", b"\0" * 99, unreadable),
    ):
        (tmp_path / name).write_bytes(content)
        assert refusal(tmp_path / name) == message
    assert refusal(write(tmp_path / "none.wav", tone(0))) == "FILE has no audio: its length is zero."
    assert (
        refusal(write(tmp_path / "one.wav", tone()[:1], 48000), 100) == "FILE: 1 samples are none at 100 Hz."
    )


def test_flac_of_unknown_length_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", tone())
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the 36 bits of STREAMINFO that count the samples
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert refusal(path) == "FILE does not say how long it is: convert it, to a file and not to a stream."


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_samples_that_are_no_numbers_are_placed(tmp_path: Path, value: float, shown: str) -> None:
    audio = tone()
    audio[1234] = value
    path = write(tmp_path / "a.wav", audio, subtype="FLOAT")
    assert refusal(path) == f"FILE: sample 1,234 is {shown}, not a finite number."
    assert refusal(path, start=0.05) == f"FILE: sample 1,234 is {shown}, not a finite number."
    assert len(read_audio(path, RATE, start=0.1)) == 14400


def test_integers_as_floats_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", 32767 * tone(), subtype="FLOAT")
    assert refusal(path).startswith("FILE: samples reach 16,384, where a float file's full scale is 1.")
