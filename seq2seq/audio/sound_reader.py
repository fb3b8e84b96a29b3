"""Sound as a model hears it, whatever the files hold."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from seq2seq.audio.reading import AudioInfo, read_audio
from seq2seq.errors import UserError

logger = logging.getLogger(__name__)


class SoundReader:
    """Reads files for one model; says once that sound is resampled, and once that channels are mixed down.

    Args:
      sample_rate: of the model, in Hz.
      max_seconds: longer sound is refused before it is decoded; 0: none is.
    """

    def __init__(self, sample_rate: int, *, max_seconds: float = 0.0) -> None:
        self.sample_rate = sample_rate
        self.max_seconds = max_seconds
        self._said: set[str] = set()

    def __call__(self, path: Path, *, start: float = 0.0, end: float | None = None) -> np.ndarray:
        """``[N]`` float32 in ±1; arguments and errors are those of ``read_audio``.

        Raises:
          UserError: sound that is too long, too.
        """

        def inspect(info: AudioInfo) -> None:
            seconds = (info.seconds if end is None else min(end, info.seconds)) - start
            if self.max_seconds and seconds > self.max_seconds:
                raise UserError(
                    f"{path} has {seconds:,.0f} seconds of sound, and search.max_seconds={self.max_seconds:g} is the"
                    " most that is read in one piece: split it, or raise that."
                )
            if info.sample_rate != self.sample_rate:
                self._say_once(
                    "resampled",
                    f"{path} has {info.sample_rate:,} Hz: sound is resampled to the model's {self.sample_rate:,} Hz.",
                )
            if info.channels > 1:
                self._say_once("mixed down", f"{path} has {info.channels} channels: they are mixed down.")

        return read_audio(path, self.sample_rate, start=start, end=end, inspect=inspect)

    def _say_once(self, what: str, sentence: str) -> None:
        if what not in self._said:
            self._said.add(what)
            logger.info("%s", sentence)
