"""Audio files, read by libsndfile and resampled by soxr: WAV, FLAC, Ogg (Vorbis, Opus), MP3 and what else it knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np
import soundfile
import soxr

from seq2seq.audio.containers import CorrectedFile, promised_length
from seq2seq.errors import UserError

ROUNDING = 0.01
"""Seconds that an end may lie behind the file's: manifests round to hundredths."""

LOUDEST = 100.0
"""Float samples beyond this, 40 dB above full scale, are no overshoot but integers that were never divided."""

MP3_SLACK = 2304
"""Samples (two frames) by which a header without a count may be wrong: it is a guess from the file's size."""

RATES = (1000, 1_000_000)
"""Hz: no audio is recorded at other rates, and resampling from them would take no end of memory."""

BLOCK_SAMPLES = 2**20
"""Of all channels together, which are decoded at a time before they are mixed down."""

CANCELLED = 0.1
"""Channels cancel out where their mean has less than this share of the energy that it would have were they unrelated:
of two that are equally loud, where their correlation is below -0.9. One channel beside silence, or two noises, are at
1; copies of one channel at their number."""


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
      UserError: the file is missing or no audio file, has no sample, does not say how many, or is shorter than its
        header says (as far as that shows without decoding: not in FLAC and MP3).
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
    notice: Callable[[str, str], None] | None = None,
) -> np.ndarray:
    """Reads a file or a part of it: channels mixed down, resampled, clipped to full scale.

    Channels are mixed to their mean, unless they cancel out (one of them is the other turned upside down): then the
    first one that is not silent is taken.

    Args:
      path: of any format, sample rate, channel count and sample type that libsndfile reads.
      sample_rate: in Hz, of the result.
      start, end: in seconds of the file; None is the file's end.
      inspect: is shown the header before the audio is decoded, and may raise.
      notice: is told what the audio suffers beyond that, by its name (``cancelled``, ``clipped``) and in a sentence.

    Returns:
      ``[N]`` float32 in ±1, N at least 1.

    Raises:
      UserError: what ``audio_info`` refuses; audio that ends before the header says; samples that are NaN or infinite
        or far beyond full scale; a start or an end outside of the file.
    """
    notice = notice or (lambda name, sentence: None)
    with _opened(path) as file:
        info = _info(path, file)
        if inspect is not None:
            inspect(info)
        first, last = _range(path, info, start, end)
        try:
            decoded, channel = _decoded(path, file, first, last, sample_rate), None
            if decoded.cancelled:
                channel = decoded.loudest
                decoded = _decoded(path, file, first, last, sample_rate, channel)
        except soundfile.LibsndfileError as error:
            raise UserError(f"{path} is damaged or cut off: its audio cannot be decoded.") from error
        missing = last - first - decoded.samples
        if missing > (MP3_SLACK if file.format == "MP3" else 0) or decoded.samples == 0:
            raise UserError(
                f"{path} is cut off: its header promises {info.samples:,} samples, but there are"
                f" {first + decoded.samples:,}."
            )
        is_float = file.subtype in ("FLOAT", "DOUBLE")
    if decoded.peak > LOUDEST:
        raise UserError(f"{path}: samples reach {decoded.peak:,.0f}, where a float file's full scale is 1.")
    if len(decoded.audio) == 0:
        raise UserError(f"{path}: {last - first} samples are none at {sample_rate} Hz.")
    if channel is not None:
        notice(
            "cancelled",
            f"{path}: its {info.channels} channels cancel out; channel {channel + 1} is used, and not their mean.",
        )
    if is_float and decoded.peak > 1.0:
        notice("clipped", f"{path}: samples reach {decoded.peak:.2f}, and are clipped to ±1.")
    return np.clip(decoded.audio, -1.0, 1.0, out=decoded.audio)


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    with ExitStack() as stack:
        try:
            # libsndfile calls a missing file, a folder and a forbidden one a "System error"; these lines do not.
            promised = promised_length(path)
            source: Any = path
            if promised is not None and promised.is_placeholder:
                if promised.corrected is not None:
                    source = stack.enter_context(CorrectedFile(path, *promised.corrected))
            elif promised is not None and promised.length > promised.there:
                raise UserError(
                    f"{path} is cut off: its header promises {promised.length:,} bytes of audio, but there are"
                    f" {max(0, promised.there):,}."
                )
            file = stack.enter_context(soundfile.SoundFile(source))
        except (OSError, ValueError) as error:  # ValueError: of file names that hold NUL
            raise UserError(f"Cannot read {path}: {getattr(error, 'strerror', error)}.") from error
        # TypeError: it wants to be told the rate of a .raw
        except (soundfile.LibsndfileError, TypeError) as error:
            if path.stat().st_size == 0:
                raise UserError(f"{path} is empty.") from error
            raise UserError(
                f"{path} is not an audio file that can be read, or its header is damaged."
            ) from error
        yield file


def _info(path: Path, file: soundfile.SoundFile) -> AudioInfo:
    if file.format == "OGG":
        _check_ogg(path)
    if file.format == "RAW":  # a guess from the file's name: .au, .gsm, .vox
        raise UserError(f"{path} is not an audio file that can be read: it has no header.")
    if file.frames <= 0:
        raise UserError(f"{path} has no audio: its length is zero.")
    if file.frames > 2**62:  # a FLAC stream whose header was written before its length was known
        raise UserError(f"{path} does not say how long it is: convert it, to a file and not to a stream.")
    if not RATES[0] <= file.samplerate <= RATES[1]:
        raise UserError(
            f"{path} has a sample rate of {file.samplerate:,} Hz, by its header; audio has {RATES[0]:,} to"
            f" {RATES[1]:,} Hz."
        )
    return AudioInfo(file.frames, file.samplerate, file.channels)


def _range(path: Path, info: AudioInfo, start: float, end: float | None) -> tuple[int, int]:
    """The first sample and the one after the last."""
    stop = info.seconds if end is None else end
    if 0.0 <= start < stop <= info.seconds + ROUNDING:
        first, last = round(start * info.sample_rate), min(round(stop * info.sample_rate), info.samples)
        if first < last:
            return first, last
    raise UserError(
        f"{path} is {info.seconds:.2f} seconds long, and has no part from {start:g} to"
        f" {'its end' if end is None else f'{end:g}'}."
    )


class _Decoded(NamedTuple):
    """What was decoded of a file.

    Attributes:
      audio: ``[N]`` float32, one channel, resampled.
      samples: of each channel, as they were.
      peak: of the one channel, before it was resampled.
      energies: of each channel, and in the end of their mean; none, where there was nothing to mix.
    """

    audio: np.ndarray
    samples: int
    peak: float
    energies: np.ndarray

    @property
    def cancelled(self) -> bool:
        *channels, mean = self.energies.tolist() or [0.0]
        return mean < CANCELLED * sum(channels) / max(1, len(channels)) ** 2

    @property
    def loudest(self) -> int:
        """The first channel that is about as loud as the loudest: silence does not stand for the others."""
        channels = self.energies[:-1]
        return int(np.flatnonzero(channels >= 0.1 * channels.max())[0])


def _decoded(
    path: Path, file: soundfile.SoundFile, first: int, last: int, rate: int, channel: int | None = None
) -> _Decoded:
    """Decodes, mixes down (or picks a channel) and resamples block by block: of all that only the result is held."""
    mixes = file.channels > 1 and channel is None
    resampler = None
    if file.samplerate != rate:
        resampler = soxr.ResampleStream(file.samplerate, rate, 1, dtype="float32")
    parts: list[np.ndarray] = []
    samples, peak = 0, 0.0
    sums, squares = np.zeros((2, file.channels + 1 if mixes else 0))
    for block in _blocks(file, first, last):
        audio = block.mean(axis=1) if mixes else block[:, channel or 0]
        loudest = max(audio.max(), -audio.min())  # NaN, where there is one
        if not np.isfinite(loudest):
            n = int(np.flatnonzero(~np.isfinite(audio))[0])
            raise UserError(f"{path}: sample {first + samples + n:,} is {audio[n]}, not a finite number.")
        if mixes:
            all_channels = np.column_stack([block, audio]).astype(np.float64)
            sums, squares = sums + all_channels.sum(axis=0), squares + (all_channels**2).sum(axis=0)
        samples, peak = samples + len(audio), max(peak, float(loudest))
        parts.append(audio if resampler is None else resampler.resample_chunk(np.ascontiguousarray(audio)))
    if resampler is not None:
        parts.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    # Without the mean of each: a constant is no audio, and does not cancel out with it.
    energies = squares / max(1, samples) - (sums / max(1, samples)) ** 2
    return _Decoded(np.concatenate(parts or [np.zeros(0, np.float32)]), samples, peak, energies)


def _blocks(file: soundfile.SoundFile, first: int, last: int) -> Iterator[np.ndarray]:
    """``[n, channels]`` float32, one after the other; fewer where the file ends before."""
    file.seek(first)
    most = max(1, BLOCK_SAMPLES // file.channels)
    while first < last:
        block = file.read(min(most, last - first), dtype="float32", always_2d=True)
        if len(block) == 0:
            return
        first += len(block)
        yield block


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
