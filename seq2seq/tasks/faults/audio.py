"""Faults of recordings: what is gathered of a split, and a table of functions that look at it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from seq2seq.tasks.faults.finding import Finding, exceeds, share_of
from seq2seq.tasks.faults.misalignment import misaligned

MAX_SECONDS = 600.0
"""Of audio of a split, in recordings evenly spaced, that is listened to."""

MAX_STRAY = 0.01
"""Of the recordings of a split: one of a hundred may be bad in any corpus."""

SILENT = -60.0
"""dB to full scale of the loudest 25 ms; speech that was recorded far too low still has -40."""

CLIPPED, FLAT = 1e-3, 0.999
"""The share of samples in runs of three and more at the peak (within this share of it), where speech has none."""

RECORDED_AT = (8_000, 11_025, 16_000, 22_050)
"""Hz: rates of recordings, looked for in audio of at least twice as many."""

EDGE = 28.0
"""dB by which the spectrum falls at half the old rate and does not rise again, after resampling to a higher one; where
speech was recorded in the rate that it has, it falls by up to 20 there."""

MISFIT = 3.0
"""Times as long, or short, as a recording of so many characters usually is."""

MIN_RECORDINGS, MIN_SECONDS = 10, 0.3
"""That say how long a recording is, and what it has at least."""

WINDOW = 512
FRAME_SECONDS = 0.025


class Recording(NamedTuple):
    """What was heard in a recording."""

    level: float
    """Of its loudest frame, in dB to full scale."""
    clipped: float
    """The share of its samples."""
    narrow: int
    """Hz that it was resampled from; 0 where nothing says that it was."""


class Recordings:
    """What is known of the recordings of a split.

    Attributes:
      rows: those listened to, ascending.
      heard: of these, what was heard.
      seconds, characters: ``[N]`` of each recording, and of its text.
    """

    def __init__(
        self,
        seconds: np.ndarray,
        characters: np.ndarray,
        waveform: Callable[[int], np.ndarray],
        sample_rate: int,
    ) -> None:
        self.seconds, self.characters, self.waveform = seconds, characters, waveform
        count = int(np.clip(MAX_SECONDS / max(float(seconds.mean()), 1e-3), 1, len(seconds)))
        self.rows = np.unique(np.linspace(0, len(seconds) - 1, count).round().astype(int))
        self.heard = [listen(waveform(int(row)), sample_rate) for row in self.rows]

    def __len__(self) -> int:
        return len(self.seconds)


def listen(waveform: np.ndarray, sample_rate: int) -> Recording:
    """
    Args:
      waveform: ``[N]`` in ±1.
      sample_rate: in Hz.
    """
    magnitude = np.abs(waveform)
    flat = magnitude >= FLAT * max(float(magnitude.max()), 1e-2)
    runs = flat[:-2] & flat[1:-1] & flat[2:]
    return Recording(
        _level(waveform, round(FRAME_SECONDS * sample_rate)),
        float(runs.sum() / len(waveform)),
        _narrow(waveform, sample_rate),
    )


def _frames(waveform: np.ndarray, length: int) -> np.ndarray:
    count = max(1, len(waveform) // length)
    return np.resize(np.pad(waveform, (0, max(0, length - len(waveform)))), (count, length))


def _level(waveform: np.ndarray, length: int) -> float:
    energy = (_frames(waveform, length).astype(np.float64) ** 2).mean(axis=1).max()
    return 10.0 * float(np.log10(energy + 1e-12))


def _narrow(waveform: np.ndarray, sample_rate: int) -> int:
    spectrum = np.fft.rfft(_frames(waveform, WINDOW) * np.hanning(WINDOW))
    decibels = 10.0 * np.log10((np.abs(spectrum) ** 2).mean(axis=0) + 1e-14)
    frequencies = np.arange(len(decibels)) * sample_rate / WINDOW
    for rate in RECORDED_AT:
        if 2 * rate > sample_rate:
            break
        below = decibels[(frequencies >= 0.75 * rate / 2) & (frequencies <= 0.92 * rate / 2)]
        above = decibels[frequencies >= 1.1 * rate / 2]
        if np.median(below) - above.max() > EDGE:
            return rate
    return 0


Splits = Mapping[str, Recordings]
"""By name, train the first."""


def _heard(splits: Splits, is_bad: Callable[[Recording], bool], what: str, remedy: str) -> Iterator[Finding]:
    for split, recordings in splits.items():
        bad = [int(row) for row, heard in zip(recordings.rows, recordings.heard) if is_bad(heard)]
        if exceeds(len(bad), len(recordings.rows), MAX_STRAY):
            unit = (
                "recordings"
                if len(recordings.rows) == len(recordings)
                else "recordings that were listened to"
            )
            yield Finding(
                split,
                share_of(len(bad), len(recordings.rows), f"{unit} of data.{split}", what),
                remedy,
                bad[0],
            )


def _silence(splits: Splits) -> Iterator[Finding]:
    what = f"are silent (nowhere above {SILENT:g} dB)"
    yield from _heard(splits, lambda heard: heard.level < SILENT, what, "remove them, or find their audio")


def _clipping(splits: Splits) -> Iterator[Finding]:
    remedy = "record or convert them again at a lower level"
    yield from _heard(splits, lambda heard: heard.clipped > CLIPPED, "are clipped", remedy)


def _narrow_band(splits: Splits) -> Iterator[Finding]:
    for rate in RECORDED_AT:
        what = f"hold nothing above {rate / 2000:g} kHz, as audio of {rate:,} Hz"
        remedy = f"where all are so, model.features.sample_rate={rate} fits them; recordings of a higher rate tell more"
        found = _heard(splits, lambda heard, rate=rate: heard.narrow == rate, what, remedy)  # type: ignore[misc]
        yield from islice(found, 1)  # what holds for one split, mostly holds for all


def _repeated(splits: Splits) -> Iterator[Finding]:
    """Recordings that are there more than once, by their content: those of one length are compared."""
    lengths, counts = np.unique(
        np.concatenate([each.seconds for each in splits.values()]), return_counts=True
    )
    first: dict[bytes, tuple[str, int]] = {}
    again: dict[tuple[str, str], list[int]] = {}
    for split, recordings in splits.items():
        for row in np.flatnonzero(np.isin(recordings.seconds, lengths[counts > 1])):
            earlier = first.setdefault(_content(recordings.waveform(int(row))), (split, int(row)))
            if earlier != (split, int(row)):
                again.setdefault((split, earlier[0]), []).append(int(row))
    for (split, other), rows in again.items():
        if exceeds(len(rows), len(splits[split]), MAX_STRAY if split == other else 0.0):
            what = "are there before" if split == other else f"are recordings of data.{other}, too"
            remedy = "keep each once" if split == other else f"remove them from data.{other}"
            yield Finding(
                split,
                share_of(len(rows), len(splits[split]), f"recordings of data.{split}", what),
                remedy,
                rows[0],
            )


def _content(waveform: np.ndarray) -> bytes:
    """Of samples of 16 bits: what was decoded once and kept is rounded."""
    return hashlib.blake2b(np.rint(waveform * 32767.0).astype(np.int16).tobytes(), digest_size=16).digest()


def _misfits(splits: Splits) -> Iterator[Finding]:
    for split, recordings in splits.items():
        lengths = np.stack([recordings.characters, 100.0 * recordings.seconds], axis=1)
        stretch = misaligned(np.log1p(lengths)[..., np.newaxis])
        if stretch is not None:
            stretch_of = f"about recordings {stretch.first + 1:,} to {stretch.last + 1:,} of data.{split}"
            what = f"{stretch_of} have the text of their neighbours"
            yield Finding(split, what, "find the row that is missing or too much before that", stretch.first)
            continue
        rows = misfits(recordings.seconds, recordings.characters)
        if exceeds(len(rows), len(recordings), MAX_STRAY):
            what = f"are more than {MISFIT:g} times as long, or short, as their text suggests"
            fact = share_of(len(rows), len(recordings), f"recordings of data.{split}", what)
            yield Finding(split, fact, "look whether text and audio belong together", int(rows[0]))


def misfits(seconds: np.ndarray, characters: np.ndarray) -> np.ndarray:
    """Rows whose audio is far longer or shorter than that of as many characters; pauses and single words have their
    time, so that it is the line through most of them that says how long.

    Args:
      seconds, characters: ``[N]``.
    """
    judged = (characters > 0) & (seconds > 0.0)
    expected = characters * np.median(seconds[judged] / characters[judged]) if judged.any() else seconds
    for _ in range(3):  # again without what does not fit
        ratios = np.abs(np.log(np.maximum(seconds, 1e-3) / np.maximum(expected, MIN_SECONDS)))
        fits = judged & (ratios < np.log(MISFIT))
        if np.count_nonzero(fits) < MIN_RECORDINGS or np.ptp(characters[fits]) == 0:
            break
        expected = np.polyval(np.polyfit(characters[fits], seconds[fits], 1), characters)
    return np.flatnonzero(judged & (ratios > np.log(MISFIT)))


AUDIO_FAULTS = (_repeated, _silence, _clipping, _narrow_band, _misfits)
"""Each looks at all splits."""


def wrong_units(
    split: str, stated: Sequence[float], measured: Sequence[float], rates: Sequence[int]
) -> Iterator[Finding]:
    """Lengths of a manifest that are no seconds.

    Args:
      split: whose manifest.
      stated: what it says.
      measured: seconds of the audio.
      rates: Hz, of the files.
    """
    ratios = np.asarray(stated) / np.maximum(np.asarray(measured), 1e-3)
    for unit, size in (("milliseconds", 1000.0), ("samples", np.asarray(rates, float)), ("seconds", None)):
        if size is None:
            rows = np.flatnonzero(np.abs(np.log(np.maximum(ratios, 1e-9))) > np.log(1.5))
            what, remedy = (
                "have another length than their audio",
                "measure them again, or leave the column out",
            )
        else:
            rows = np.flatnonzero(np.abs(ratios / size - 1.0) < 0.1)
            what, remedy = f"have a length in {unit}, where seconds are read", "convert it to seconds"
        if exceeds(len(rows), len(ratios), MAX_STRAY):
            yield Finding(
                split,
                share_of(len(rows), len(ratios), f"recordings of data.{split}", what),
                remedy,
                int(rows[0]),
            )
            return
