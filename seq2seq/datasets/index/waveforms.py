"""The audio of utterances, decoded when it is asked for or once into a cache."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq.audio.audio_reader import MAX_NAMED, AudioReader, TooLongError
from seq2seq.datasets.index.digest import content_hash, digest_of
from seq2seq.datasets.readers.utterance_reader import Utterance
from seq2seq.errors import UserError
from seq2seq.files import ensure_directory

logger = logging.getLogger(__name__)

FULL_SCALE = 32767.0
"""What a sample of 1.0 is in the cache, 16 bits a sample."""

SAMPLE_BYTES = 2

FORMAT = 2
"""Of the cache; a change makes every cache anew."""

SECONDS_AT_ONCE, FILES_AT_ONCE = 600.0, 64
"""What is decoded at a time, so that memory does not grow with the data: 38 MB at 16 kHz, or one longer file."""


class Waveforms:
    """The audio of utterances, resampled and mixed down: decoded once into a file, or each time it is asked for.

    Args:
      utterances: whose.
      sample_rate: in Hz.
      cache: the folder of caches, known by files, sizes and times; None: decode each time.
      skip_broken: leave out what cannot be decoded, by name and number; else say it and stop.
      max_seconds: with a cache, longer audio is not decoded, and not in the cache; 0: all is.
      check: without a cache, which are decoded at once, to know whether they are broken.

    Attributes:
      broken: indices of what was left out, with the sentence that says why.
      digest: of the content of the audio files where there is a cache, else of their sizes, since their content is
        not read before training.

    Raises:
      UserError: audio that cannot be decoded, up to twenty files at once; a cache that cannot be written.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        sample_rate: int,
        cache: Path | None,
        *,
        skip_broken: bool = False,
        max_seconds: float = 0.0,
        check: Sequence[int] = (),
    ) -> None:
        self.utterances = utterances
        self.sample_rate = sample_rate
        self.skip_broken = skip_broken
        self.max_seconds = max_seconds if cache is not None else 0.0
        self.broken: dict[int, str] = {}
        self._read = AudioReader(sample_rate, max_seconds=self.max_seconds, limit="data.max_seconds")
        self._seconds: dict[int, float] = {}  # of what was measured and is not in the cache
        self._samples: np.ndarray | None = None
        if cache is not None and utterances:
            self._open(cache)
        else:
            self.digest = digest_of(*(str(_status(path).st_size) for path in self._files()))
            self._check(check)

    def __call__(self, number: int) -> np.ndarray:
        """``[N]`` float32 in ±1.

        Raises:
          UserError: it cannot be decoded.
        """
        if self._samples is None:
            return self._decode(number)
        start, end = self._offsets[number : number + 2]
        return self._samples[start:end].astype(np.float32) / FULL_SCALE

    def seconds(self, number: int) -> float:
        """How long the audio is, as decoded where it was, else as its utterance says."""
        if number in self._seconds:
            return self._seconds[number]
        if self._samples is not None:
            return float(self._offsets[number + 1] - self._offsets[number]) / self.sample_rate
        return self.utterances[number].seconds

    def _decode(self, number: int) -> np.ndarray:
        utterance = self.utterances[number]
        return self._read(utterance.audio, start=utterance.start, end=utterance.end)

    def _check(self, numbers: Sequence[int]) -> None:
        for number, audio in self._decode_all(numbers):
            self._seconds[number] = len(audio) / self.sample_rate

    def _open(self, cache: Path) -> None:
        folder = cache / f"sound-{self._fingerprint()}"
        facts = self._facts(folder)
        is_new = facts is None
        if facts is None:
            ensure_directory(
                folder,
                "The cache of decoded audio",
                self._write,
                is_complete=lambda path: self._facts(path) is not None,
            )
            facts = self._facts(folder)
            assert facts is not None
        self.broken = {int(number): sentence for number, sentence in facts["broken"].items()}
        self._seconds = {int(number): seconds for number, seconds in facts["too_long"].items()}
        self.digest = facts["digest"]
        if not is_new:  # else it was said as it was found
            for sentence in facts["cancelled"]:
                logger.warning("%s", sentence)
            self._report_broken()
        self._offsets = np.asarray(facts["offsets"], np.int64)
        self._samples = (
            np.memmap(folder / "sound.bin", np.int16, mode="r") if self._offsets[-1] else np.zeros(0)
        )

    def _facts(self, folder: Path) -> dict[str, Any] | None:
        """What there is to know about a cache; None where it is not complete, or skipped what this one is to raise:
        writing it again names the files."""
        try:
            facts = json.loads((folder / "sound.json").read_text(encoding="utf-8"))
            offsets = np.asarray(facts["offsets"], np.int64)
            complete = (
                len(offsets) == len(self.utterances) + 1
                and bool((np.diff(offsets) >= 0).all())
                and (folder / "sound.bin").stat().st_size == SAMPLE_BYTES * offsets[-1]
            )
            broken = facts["broken"]
        except (OSError, KeyError, OverflowError, TypeError, ValueError):
            return None
        usable = complete and "digest" in facts  # which earlier versions did not write
        return facts if usable and (self.skip_broken or not broken) else None

    def _fingerprint(self) -> str:
        options = (FORMAT, self.sample_rate, self.max_seconds)
        digest = hashlib.blake2b(repr(options).encode(), digest_size=8)
        for utterance in self.utterances:
            status = _status(utterance.audio)
            place = (str(utterance.audio), status.st_size, status.st_mtime_ns, utterance.start, utterance.end)
            digest.update(repr(place).encode())
        return digest.hexdigest()

    def _write(self, folder: Path) -> None:
        offsets = [0]
        with (folder / "sound.bin").open("wb") as stream:
            for _, audio in self._decode_all(range(len(self.utterances))):
                audio *= FULL_SCALE  # in place: an hour of audio is large
                np.rint(audio, out=audio).astype(np.int16).tofile(stream)
                offsets.append(offsets[-1] + len(audio))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            digest = digest_of(*pool.map(content_hash, self._files()))
        facts = {
            "offsets": offsets,
            "broken": self.broken,
            "too_long": self._seconds,
            "cancelled": list(self._read.cancelled.values())[:MAX_NAMED],
            "digest": digest,
        }
        (folder / "sound.json").write_text(json.dumps(facts), encoding="utf-8")

    def _files(self) -> list[Path]:
        """Each once."""
        return list(dict.fromkeys(utterance.audio for utterance in self.utterances))

    def _decode_all(self, numbers: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Decodes as many files at a time as memory is meant to hold; nothing stands for what is broken (which is
        raised or named in the end) or too long."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for some in self._groups(numbers):
                for number, audio in zip(some, pool.map(self._decode_or_error, some)):
                    if isinstance(audio, TooLongError):
                        self._seconds[number] = audio.seconds
                    elif isinstance(audio, UserError):
                        self.broken[number] = str(audio)
                    yield number, np.zeros(0, np.float32) if isinstance(audio, UserError) else audio
        if self.broken and not self.skip_broken:
            problems = list(self.broken.values())
            raise UserError("\n".join(problems[:MAX_NAMED]) + more(len(problems)))
        self._report_broken()

    def _groups(self, numbers: Sequence[int]) -> Iterator[list[int]]:
        """The numbers in their order, of so many seconds and files at a time; of a longer file, alone."""
        group: list[int] = []
        seconds = 0.0
        for number in numbers:
            length = self.utterances[number].seconds
            if group and (seconds + length > SECONDS_AT_ONCE or len(group) == FILES_AT_ONCE):
                yield group
                group, seconds = [], 0.0
            group.append(number)
            seconds += length
        if group:
            yield group

    def _report_broken(self) -> None:
        for sentence in list(self.broken.values())[:MAX_NAMED]:
            logger.warning("Left out: %s", sentence)

    def _decode_or_error(self, number: int) -> np.ndarray | UserError:
        try:
            return self._decode(number)
        except UserError as error:
            return error


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error


def more(count: int, shown: int = MAX_NAMED) -> str:
    return f" … and {count - shown} more" if count > shown else ""
