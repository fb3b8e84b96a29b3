"""Waveforms as a model takes them, whatever the files hold."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np

from seq2seq.audio.reading import AudioInfo, read_audio
from seq2seq.errors import UserError

logger = logging.getLogger(__name__)

MAX_NAMED = 20
"""Files with the same fault that are named; of more, only that there are more."""


class TooLongError(UserError):
    """Audio that is longer than a limit, which its header tells.

    Attributes:
      seconds: its length.
    """

    def __init__(self, sentence: str, seconds: float) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class AudioReader:
    """Reads files for one model; says once that audio is resampled, that channels are mixed down and that samples are
    clipped, and once of each file that its channels cancel out.

    Args:
      sample_rate: of the model, in Hz.
      max_seconds: longer audio is refused before it is decoded; 0: none is.
      limit: what the user calls that limit.

    Attributes:
      cancelled: by file whose channels cancel out, the sentence that says so.
    """

    def __init__(
        self, sample_rate: int, *, max_seconds: float = 0.0, limit: str = "search.max_seconds"
    ) -> None:
        self.sample_rate = sample_rate
        self.max_seconds = max_seconds
        self.limit = limit
        self.cancelled: dict[Path, str] = {}
        self._said: set[str] = set()
        self._lock = threading.Lock()  # threads of a pool read with it

    def __call__(self, path: Path, *, start: float = 0.0, end: float | None = None) -> np.ndarray:
        """``[N]`` float32 in ±1; arguments and errors are those of ``read_audio``.

        Raises:
          TooLongError: audio that is too long, too.
        """

        def inspect(info: AudioInfo) -> None:
            seconds = (info.seconds if end is None else min(end, info.seconds)) - start
            if self.max_seconds and seconds > self.max_seconds:
                raise TooLongError(
                    f"{path} has {seconds:,.0f} seconds of audio, and {self.limit}={self.max_seconds:g} is the most"
                    " that is read in one piece: split it, or raise that.",
                    seconds,
                )
            if info.sample_rate != self.sample_rate:
                self._say_once(
                    "resampled",
                    f"{path} has {info.sample_rate:,} Hz: audio is resampled to the model's {self.sample_rate:,} Hz.",
                )
            if info.channels > 1:
                self._say_once("mixed down", f"{path} has {info.channels} channels: they are mixed down.")

        def notice(what: str, sentence: str) -> None:
            if what == "cancelled":
                self._note_cancelled(path, sentence)
            else:
                self._say_once(what, sentence)

        return read_audio(path, self.sample_rate, start=start, end=end, inspect=inspect, notice=notice)

    def _note_cancelled(self, path: Path, sentence: str) -> None:
        with self._lock:
            if path in self.cancelled:
                return
            self.cancelled[path] = sentence
            if len(self.cancelled) <= MAX_NAMED:
                logger.warning("%s", sentence)
            elif len(self.cancelled) == MAX_NAMED + 1:
                logger.warning("The channels of more files cancel out; those are not named.")

    def _say_once(self, what: str, sentence: str) -> None:
        with self._lock:
            if what not in self._said:
                self._said.add(what)
                logger.info("%s", sentence)
