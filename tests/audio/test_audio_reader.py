"""What is said of audio that is not as the model hears it, and how much of it is read."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seq2seq.audio import AudioReader, read_audio
from seq2seq.errors import UserError

RATE = 4000


def written(path: Path, rate: int = RATE, channels: int = 1, seconds: float = 0.1) -> Path:
    rng = np.random.default_rng(1)
    soundfile.write(path, 0.1 * rng.standard_normal((round(seconds * rate), channels)), rate)
    return path


def test_what_is_changed_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = [
        written(tmp_path / "plain.wav"),
        written(tmp_path / "fast.wav", rate=8000),
        written(tmp_path / "both.wav", rate=8000, channels=2),
        written(tmp_path / "wide.wav", channels=3),
    ]
    read = AudioReader(RATE)
    with caplog.at_level(logging.INFO):
        for path in paths:
            np.testing.assert_array_equal(read(path), read_audio(path, RATE))
    assert [record.getMessage() for record in caplog.records] == [
        f"{paths[1]} has 8,000 Hz: audio is resampled to the model's 4,000 Hz.",
        f"{paths[2]} has 2 channels: they are mixed down.",
    ]


def test_channels_that_cancel_out_are_said_once_of_each_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(400)
    paths = [tmp_path / f"{n}.wav" for n in range(22)]
    for path in paths:
        soundfile.write(path, np.stack([noise, -noise], axis=1), RATE)
    read = AudioReader(RATE)
    for path in paths:
        for _ in range(2):
            np.testing.assert_allclose(read(path), noise, atol=1e-4)
    assert [record.getMessage() for record in caplog.records] == [
        *(
            f"{path}: its 2 channels cancel out; channel 1 is used, and not their mean."
            for path in paths[:20]
        ),
        "The channels of more files cancel out; those are not named.",
    ]
    assert len(read.cancelled) == 22


def test_what_is_too_long_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = written(tmp_path / "long.wav", seconds=2.0)
    path.write_bytes(path.read_bytes()[:44] + b"\0" * (2 * 2 * RATE))
    read = AudioReader(RATE, max_seconds=1.5)
    with pytest.raises(UserError, match=r"long\.wav has 2 seconds of audio, and search\.max_seconds=1\.5 is"):
        read(path)
    assert len(read(path, start=0.5)) == len(read(path, end=1.5)) == 1.5 * RATE
    assert len(AudioReader(RATE)(path)) == 2 * RATE
