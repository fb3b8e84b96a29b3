"""Utterances with their tokenised texts, and their sound once it was decoded."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq.audio.sound_reader import SoundReader
from seq2seq.datasets.batches.pairs import Ragged
from seq2seq.datasets.index.digest import content_hash, digest_of
from seq2seq.datasets.readers.utterance_reader import Utterance, UtteranceReader
from seq2seq.errors import UserError
from seq2seq.files import ensure_directory
from seq2seq.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

FULL_SCALE = 32767.0
"""What a sample of 1.0 is in the cache, 16 bits a sample."""

SAMPLE_BYTES = 2

MOST_NAMED = 20


DECODED_AT_ONCE = 64


class Waveforms:
    """The sound of utterances, resampled and mixed down: decoded once into a file, or each time it is asked for.

    Args:
      utterances: whose.
      sample_rate: in Hz.
      cache: the folder of caches, known by files, sizes and times; None: decode each time.
      skip_broken: leave out what cannot be decoded, by name and number; else say it and stop.
      check: without a cache, which are decoded at once, to know whether they are broken.

    Attributes:
      broken: indices of what was left out.
      digest: of the content of the audio files where there is a cache, else of their sizes, since their content is
        not read before training.

    Raises:
      UserError: sound that cannot be decoded, up to twenty files at once; a cache that cannot be written.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        sample_rate: int,
        cache: Path | None,
        *,
        skip_broken: bool = False,
        check: Sequence[int] = (),
    ) -> None:
        self.utterances = utterances
        self.sample_rate = sample_rate
        self.skip_broken = skip_broken
        self.broken: list[int] = []
        self._read = SoundReader(sample_rate)
        self._lengths: dict[int, int] = {}
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
        """How long the sound is, as decoded where it was, else as its utterance says."""
        if self._samples is not None:
            return float(self._offsets[number + 1] - self._offsets[number]) / self.sample_rate
        if number in self._lengths:
            return self._lengths[number] / self.sample_rate
        return self.utterances[number].seconds

    def _decode(self, number: int) -> np.ndarray:
        utterance = self.utterances[number]
        return self._read(utterance.audio, start=utterance.start, end=utterance.end)

    def _check(self, numbers: Sequence[int]) -> None:
        for number, sound in self._decode_all(numbers):
            self._lengths[number] = len(sound)

    def _open(self, cache: Path) -> None:
        folder = cache / f"sound-{self._fingerprint()}"
        facts = self._facts(folder)
        if facts is None:
            ensure_directory(
                folder,
                "The cache of decoded audio",
                self._write,
                is_complete=lambda path: self._facts(path) is not None,
            )
            facts = self._facts(folder)
            assert facts is not None
        self.broken = facts["broken"]
        self.digest = facts["digest"]
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
        digest = hashlib.blake2b(str(self.sample_rate).encode(), digest_size=8)
        for utterance in self.utterances:
            status = _status(utterance.audio)
            place = (str(utterance.audio), status.st_size, status.st_mtime_ns, utterance.start, utterance.end)
            digest.update(repr(place).encode())
        return digest.hexdigest()

    def _write(self, folder: Path) -> None:
        offsets = [0]
        with (folder / "sound.bin").open("wb") as stream:
            for _, sound in self._decode_all(range(len(self.utterances))):
                samples = np.rint(np.clip(sound, -1.0, 1.0) * FULL_SCALE).astype(np.int16)
                stream.write(samples.tobytes())
                offsets.append(offsets[-1] + len(samples))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            digest = digest_of(*pool.map(content_hash, self._files()))
        facts = json.dumps({"offsets": offsets, "broken": self.broken, "digest": digest})
        (folder / "sound.json").write_text(facts, encoding="utf-8")

    def _files(self) -> list[Path]:
        """Each once."""
        return list(dict.fromkeys(utterance.audio for utterance in self.utterances))

    def _decode_all(self, numbers: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Decodes a few files at a time; those that are broken are raised or named in the end, and empty."""
        problems = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for first in range(0, len(numbers), DECODED_AT_ONCE):
                some = numbers[first : first + DECODED_AT_ONCE]
                for number, sound in zip(some, pool.map(self._decode_or_error, some)):
                    if isinstance(sound, UserError):
                        problems.append(str(sound))
                        self.broken.append(number)
                        sound = np.zeros(0, np.float32)
                    yield number, sound
        if problems and not self.skip_broken:
            raise UserError("\n".join(problems[:MOST_NAMED]) + _more(len(problems)))
        for problem in problems[:MOST_NAMED]:
            logger.warning("Left out: %s", problem)

    def _decode_or_error(self, number: int) -> np.ndarray | UserError:
        try:
            return self._decode(number)
        except UserError as error:
            return error


class UtteranceIndex:
    """Utterances as training and evaluation see them, in memory; their sound stays on disk.

    Attributes:
      utterances: those that are used.
      waveforms: by number, their sound.
      target: ids of the texts, without start and end.
      frames: ``[N]`` int32, length in hops of the features.
      hop: in samples.
      counts: ``utterances`` used, ``read``, ``empty``, ``too_long``, ``broken``.
    """

    unit = "utterances"

    def __init__(
        self,
        utterances: Sequence[Utterance],
        waveforms: Waveforms,
        numbers: Sequence[int],
        target: Ragged,
        frames: np.ndarray,
        hop: float,
        counts: dict[str, int],
    ) -> None:
        self.utterances = utterances
        self.waveforms = waveforms
        self.target = target
        self.frames = frames
        self.hop = hop
        self.counts = counts
        self._numbers = numbers
        self._broken: set[int] = set()  # rows whose sound was whole, or not known to be broken, at first
        self._offsets = np.concatenate([[0], np.cumsum(target.lengths, dtype=np.int64)])

    def __len__(self) -> int:
        return len(self.utterances)

    @cached_property
    def digest(self) -> str:
        """Of what is read of it: texts, tokens, lengths and audio, wherever the files are."""
        texts = (utterance.text for utterance in self.utterances)
        times = np.array([(u.start, -1.0 if u.end is None else u.end) for u in self.utterances])
        return digest_of(
            *texts, times, self.target.values, self.target.lengths, self.frames, self.waveforms.digest
        )

    def samples(self, frames: int) -> int:
        """How many samples hold every utterance of so many frames, whose number is rounded: as many as that number of
        windows needs, where a window is longer than two hops and not longer than three."""
        return math.ceil((frames + 2) * self.hop)

    def waveform(self, row: int) -> np.ndarray:
        """``[N]`` float32 in ±1.

        Raises:
          UserError: it cannot be decoded.
        """
        return self.waveforms(self._numbers[row])

    def readable(self, row: int) -> tuple[int, np.ndarray]:
        """The row with its sound; where that turns out to be broken and is to be skipped, the next row that is not.

        Raises:
          UserError: broken sound that is not to be skipped; no row has any other.
        """
        for other in chain(range(row, len(self)), range(row)):
            if other in self._broken:
                continue
            try:
                return other, self.waveform(other)
            except UserError as error:
                if not self.waveforms.skip_broken:
                    raise
                self._broken.add(other)
                self.counts["broken"] += 1
                logger.warning("Left out from now on: %s (%d broken)", error, self.counts["broken"])
        raise UserError(f"The sound of all {len(self)} utterances is broken.")

    def target_ids(self, row: int) -> list[int]:
        return self.target.values[self._offsets[row] : self._offsets[row + 1]].tolist()


def build_utterance_index(
    reader: UtteranceReader,
    *,
    name: str,
    tokenizer: Tokenizer,
    sample_rate: int,
    hop_ms: float,
    max_seconds: float = 0.0,
    max_target_length: int = 0,
    keep_all: bool,
    cache: Path | None,
    skip_broken: bool = False,
) -> UtteranceIndex:
    """Reads a manifest, tokenises its texts and decodes its sound into the cache.

    For training (``keep_all`` False) utterances without text, longer than a limit, or broken are left out, counted and
    logged; for evaluation all are kept but the broken. Without a cache all sound of an evaluation is decoded once to
    know what is broken; of training's only what has no length, and the rest is found out as it is read (see
    ``UtteranceIndex.readable``).

    Raises:
      UserError: something cannot be read, or nothing is left.
    """
    read = list(reader.utterances())
    ids = tokenizer.encode([utterance.text for utterance in read])
    check = [n for n, utterance in enumerate(read) if keep_all or utterance.seconds == 0.0]
    waveforms = Waveforms(read, sample_rate, cache, skip_broken=skip_broken, check=check)
    broken = set(waveforms.broken)
    read = [replace(utterance, seconds=waveforms.seconds(n)) for n, utterance in enumerate(read)]
    empty = {n for n, row in enumerate(ids) if not row}
    too_long = {
        n
        for n, utterance in enumerate(read)
        if (max_seconds and utterance.seconds > max_seconds)
        or (max_target_length and len(ids[n]) > max_target_length)
    }
    left_out = broken if keep_all else broken | empty | too_long
    numbers = [n for n in range(len(read)) if n not in left_out]
    counts = {
        "utterances": len(numbers),
        "read": len(read),
        "empty": len(empty - broken),
        "too_long": len(too_long - broken - empty),
        "broken": len(broken),
    }
    _report(name, counts, keep_all)
    if not numbers:
        raise UserError(
            f"No utterance of {name} is left: of {len(read)}, {counts['broken']} are broken, {counts['empty']} have no"
            f" text and {counts['too_long']} are longer than data.max_seconds={max_seconds:g} or"
            f" data.max_target_length={max_target_length}."
        )
    _warn_of_unknown(name, [read[n] for n in numbers], [ids[n] for n in numbers], tokenizer)
    frames = [max(1, round(1000.0 * read[n].seconds / hop_ms)) for n in numbers]
    return UtteranceIndex(
        [read[n] for n in numbers],
        waveforms,
        numbers,
        Ragged.of([ids[n] for n in numbers]),
        np.asarray(frames, np.int32),
        sample_rate * hop_ms / 1000.0,
        counts,
    )


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error


def _report(name: str, counts: dict[str, int], keep_all: bool) -> None:
    logger.info("%s: %s of %s utterances", name, f"{counts['utterances']:,}", f"{counts['read']:,}")
    for fact, what in (
        ("broken", "broken"),
        ("empty", "without text"),
        ("too_long", "longer than the limit"),
    ):
        kept = keep_all and fact != "broken"
        if counts[fact]:
            done = "kept" if kept else "left out"
            logger.warning("%s: %s utterances %s, %s", name, f"{counts[fact]:,}", what, done)


def _warn_of_unknown(
    name: str, utterances: Sequence[Utterance], ids: Sequence[Sequence[int]], tokenizer: Tokenizer
) -> None:
    unknown = [u.id for u, row in zip(utterances, ids) if tokenizer.unknown_id in row]
    if unknown:
        logger.warning(
            "%s: %d utterances have text outside of the vocabulary: %s%s",
            name,
            len(unknown),
            ", ".join(unknown[:5]),
            _more(len(unknown), 5),
        )


def _more(count: int, shown: int = MOST_NAMED) -> str:
    return f" … and {count - shown} more" if count > shown else ""
