"""Sound files, read by libsndfile and resampled by soxr: WAV, FLAC, Ogg (Vorbis, Opus), MP3 and what else it knows."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import soundfile
import soxr

from seq2seq.errors import UserError

ROUNDING = 0.01
"""Seconds that an end may lie behind the file's: manifests round to hundredths."""

LOUDEST = 100.0
"""Float samples beyond this, 40 dB above full scale, are no overshoot but integers that were never divided."""

MP3_SLACK = 2304
"""Samples (two frames) by which a header without a count may be wrong: it is a guess from the file's size."""


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says.

    Attributes:
      samples: of each channel.
      sample_rate: in Hz.
      channels: more than one are mixed down when they are read.
    """

    samples: int
    sample_rate: int
    channels: int

    @property
    def seconds(self) -> float:
        return self.samples / self.sample_rate


def audio_info(path: Path) -> AudioInfo:
    """Reads the header only.

    Raises:
      UserError: the file is missing or no sound file, has no sample, does not say how many, or is shorter than its
        header says (as far as that shows without decoding: WAV and Ogg).
    """
    with _opened(path) as file:
        return _info(path, file)


def read_audio(
    path: Path,
    sample_rate: int,
    *,
    start: float = 0.0,
    end: float | None = None,
    inspect: Callable[[AudioInfo], None] | None = None,
) -> np.ndarray:
    """Reads a file or a part of it: channels mixed down (their mean), resampled, clipped to full scale.

    Args:
      path: of any format, sample rate, channel count and sample type that libsndfile reads.
      sample_rate: in Hz, of the result.
      start, end: in seconds of the file; None is the file's end.
      inspect: is shown the header before the sound is decoded, and may raise.

    Returns:
      ``[N]`` float32 in ±1, N at least 1.

    Raises:
      UserError: what ``audio_info`` refuses; sound that ends before the header says; samples that are NaN or infinite
        or far beyond full scale; a start or an end outside of the file.
    """
    with _opened(path) as file:
        info = _info(path, file)
        if inspect is not None:
            inspect(info)
        first, last = _range(path, info, start, end)
        try:
            file.seek(first)
            sound = file.read(last - first, dtype="float32", always_2d=True)  # [N, channels]
        except soundfile.LibsndfileError as error:
            raise UserError(f"{path} is damaged or cut off: its sound cannot be decoded.") from error
        missing = last - first - len(sound)
        if missing > (MP3_SLACK if file.format == "MP3" else 0) or len(sound) == 0:
            raise UserError(
                f"{path} is cut off: its header promises {info.samples:,} samples, but there are"
                f" {first + len(sound):,}."
            )
    sound = sound.mean(axis=1)
    peak = np.abs(sound).max()
    if not np.isfinite(peak):
        place = first + int(np.flatnonzero(~np.isfinite(sound))[0])
        raise UserError(f"{path}: sample {place:,} is {sound[place - first]}, not a finite number.")
    if peak > LOUDEST:
        raise UserError(f"{path}: samples reach {peak:,.0f}, where a float file's full scale is 1.")
    if info.sample_rate != sample_rate:
        sound = soxr.resample(sound, info.sample_rate, sample_rate)
        if len(sound) == 0:
            raise UserError(f"{path}: {last - first} samples are none at {sample_rate} Hz.")
    return np.clip(sound, -1.0, 1.0)


def _opened(path: Path) -> soundfile.SoundFile:
    try:
        with path.open("rb"):
            pass  # libsndfile calls a missing file, a folder and a forbidden one a "System error"
        return soundfile.SoundFile(path)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    except (
        soundfile.LibsndfileError,
        TypeError,
    ) as error:  # TypeError: it wants to be told the rate of a .raw
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty.") from error
        raise UserError(f"{path} is not a sound file that can be read, or its header is damaged.") from error


def _info(path: Path, file: soundfile.SoundFile) -> AudioInfo:
    if file.format in ("WAV", "WAVEX", "RF64"):
        _check_wav(path)
    elif file.format == "OGG":
        _check_ogg(path)
    if file.frames <= 0:
        raise UserError(f"{path} has no sound: its length is zero.")
    if file.frames > 2**62:  # a FLAC stream whose header was written before its length was known
        raise UserError(f"{path} does not say how long it is: convert it, to a file and not to a stream.")
    return AudioInfo(file.frames, file.samplerate, file.channels)


def _range(path: Path, info: AudioInfo, start: float, end: float | None) -> tuple[int, int]:
    """The first sample and the one after the last."""
    stop = info.seconds if end is None else end
    last = min(round(stop * info.sample_rate), info.samples)
    first = round(start * info.sample_rate)
    if not (start >= 0.0 and stop <= info.seconds + ROUNDING and first < last):
        raise UserError(
            f"{path} is {info.seconds:.2f} seconds long, and has no part from {start:g} to"
            f" {'its end' if end is None else f'{end:g}'}."
        )
    return first, last


def _check_wav(path: Path) -> None:
    """Follows the chunks to the sound; libsndfile shortens what was cut off in silence.

    A stream's header, written before its length was known, promises nothing: 0 or all ones.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        integer = struct.Struct(">I" if stream.read(12)[:4] == b"RIFX" else "<I")
        while len(header := stream.read(8)) == 8:
            (length,) = integer.unpack(header[4:])
            if header[:4] == b"data":
                there = size - stream.tell()
                if there < length < 0xFFFFFF00:
                    raise UserError(
                        f"{path} is cut off: its header promises {length:,} bytes of sound, but there are {there:,}."
                    )
                return
            stream.seek(length + length % 2, 1)


def _check_ogg(path: Path) -> None:
    """Looks whether the last page (RFC 3533, section 6) is whole and says that it is the last."""
    longest = 27 + 255 + 255 * 255
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 2 * longest))
        tail = stream.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    sizes = page[27 : 27 + page[26]] if len(page) > 26 else b""
    if len(sizes) == 0 or not page[5] & 4 or len(page) < 27 + len(sizes) + sum(sizes):
        raise UserError(f"{path} is cut off: its last page is not marked as the last, or not whole.")
