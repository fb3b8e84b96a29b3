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

from seq2seq.audio.sound_reader import MAX_NAMED, SoundReader, TooLongError
from seq2seq.datasets.batches.pairs import Ragged, Shape
from seq2seq.datasets.index.digest import content_hash, digest_of
from seq2seq.datasets.readers.utterance_reader import Utterance, UtteranceReader
from seq2seq.errors import UserError
from seq2seq.files import ensure_directory
from seq2seq.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

FULL_SCALE = 32767.0
"""What a sample of 1.0 is in the cache, 16 bits a sample."""

SAMPLE_BYTES = 2

FORMAT = 2
"""Of the cache; a change makes every cache anew."""

SECONDS_AT_ONCE, FILES_AT_ONCE = 600.0, 64
"""What is decoded at a time, so that memory does not grow with the data: 38 MB at 16 kHz, or one longer file."""


class Waveforms:
    """The sound of utterances, resampled and mixed down: decoded once into a file, or each time it is asked for.

    Args:
      utterances: whose.
      sample_rate: in Hz.
      cache: the folder of caches, known by files, sizes and times; None: decode each time.
      skip_broken: leave out what cannot be decoded, by name and number; else say it and stop.
      max_seconds: with a cache, longer sound is not decoded, and not in the cache; 0: all is.
      check: without a cache, which are decoded at once, to know whether they are broken.

    Attributes:
      broken: indices of what was left out, with the sentence that says why.
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
        max_seconds: float = 0.0,
        check: Sequence[int] = (),
    ) -> None:
        self.utterances = utterances
        self.sample_rate = sample_rate
        self.skip_broken = skip_broken
        self.max_seconds = max_seconds if cache is not None else 0.0
        self.broken: dict[int, str] = {}
        self._read = SoundReader(sample_rate, max_seconds=self.max_seconds, limit="data.max_seconds")
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
        """How long the sound is, as decoded where it was, else as its utterance says."""
        if number in self._seconds:
            return self._seconds[number]
        if self._samples is not None:
            return float(self._offsets[number + 1] - self._offsets[number]) / self.sample_rate
        return self.utterances[number].seconds

    def _decode(self, number: int) -> np.ndarray:
        utterance = self.utterances[number]
        return self._read(utterance.audio, start=utterance.start, end=utterance.end)

    def _check(self, numbers: Sequence[int]) -> None:
        for number, sound in self._decode_all(numbers):
            self._seconds[number] = len(sound) / self.sample_rate

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
            for _, sound in self._decode_all(range(len(self.utterances))):
                sound *= FULL_SCALE  # in place: an hour of sound is large
                np.rint(sound, out=sound).astype(np.int16).tofile(stream)
                offsets.append(offsets[-1] + len(sound))
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
                for number, sound in zip(some, pool.map(self._decode_or_error, some)):
                    if isinstance(sound, TooLongError):
                        self._seconds[number] = sound.seconds
                    elif isinstance(sound, UserError):
                        self.broken[number] = str(sound)
                    yield number, np.zeros(0, np.float32) if isinstance(sound, UserError) else sound
        if self.broken and not self.skip_broken:
            problems = list(self.broken.values())
            raise UserError("\n".join(problems[:MAX_NAMED]) + _more(len(problems)))
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


class UtteranceIndex:
    """Utterances as training and evaluation see them, in memory; their sound stays on disk.

    Attributes:
      utterances: those that are used.
      waveforms: by number, their sound.
      target: ids of the texts, without start and end.
      frames: ``[N]`` int32, length in hops of the features.
      hop: in samples.
      counts: ``utterances`` used, ``read``, ``empty``, ``long_audio``, ``long_text``, ``broken``; each is counted once.
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

    def readable(self, row: int, shape: Shape | None = None) -> tuple[int, np.ndarray]:
        """The row with its sound; where that turns out to be broken and is to be skipped, the next row that is not.

        Args:
          row: from 0.
          shape: which the next row must fit into, its source in samples.

        Raises:
          UserError: broken sound that is not to be skipped; no row has any other.
        """
        for other in chain(range(row, len(self)), range(row)):
            if other in self._broken or (other != row and shape is not None and not self._fits(other, shape)):
                continue
            try:
                return other, self.waveform(other)
            except UserError as error:
                if not self.waveforms.skip_broken:
                    raise
                self._broken.add(other)
                self.counts["broken"] += 1
                logger.warning("Left out from now on: %s (%d broken)", error, self.counts["broken"])
        where = "" if shape is None else f" that fit into {shape.source:,} samples and {shape.target} tokens"
        raise UserError(f"The sound of all {len(self)} utterances{where} is broken.")

    def _fits(self, row: int, shape: Shape) -> bool:
        return self.samples(int(self.frames[row])) <= shape.source and self.target.lengths[row] < shape.target

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
    logged; for evaluation all are kept but the broken. What is left out for its text or its length is not decoded: with
    a cache headers tell the length, else the manifest, where it does. Without a cache all sound of an evaluation is
    decoded once to know what is broken; of training's only what has no length, and the rest is found out as it is read
    (see ``UtteranceIndex.readable``).

    Args:
      reader: of the manifest.
      name: of the split.
      tokenizer: of the texts.
      sample_rate: in Hz.
      hop_ms: between frames.
      max_seconds, max_target_length: ``data.max_seconds`` and ``data.max_target_length``, in tokens; 0: no limit.
      keep_all: see above.
      cache: the folder of caches; None: decode whenever sound is needed.
      skip_broken: leave out what cannot be decoded; else it is raised.

    Raises:
      UserError: something cannot be read, or nothing is left.
    """
    read = list(reader.utterances())
    ids = tokenizer.encode([utterance.text for utterance in read])
    reasons = {n: "empty" for n, row in enumerate(ids) if not row}
    if max_target_length:
        reasons.update((n, "long_text") for n, row in enumerate(ids) if len(row) > max_target_length)
    heard = [n for n in range(len(read)) if keep_all or n not in reasons]
    waveforms = Waveforms(
        [read[n] for n in heard],
        sample_rate,
        cache,
        skip_broken=skip_broken,
        max_seconds=0.0 if keep_all else max_seconds,
        check=[k for k, n in enumerate(heard) if keep_all or read[n].seconds == 0.0],
    )
    for k, n in enumerate(heard):
        read[n] = replace(read[n], seconds=waveforms.seconds(k))
        if k in waveforms.broken:
            reasons[n] = "broken"
        elif max_seconds and read[n].seconds > max_seconds:
            reasons.setdefault(n, "long_audio")
    numbers = [
        k for k, n in enumerate(heard) if reasons.get(n) != "broken" and (keep_all or n not in reasons)
    ]
    what = {
        "broken": "broken",
        "empty": "without text",
        "long_audio": f"longer than data.max_seconds={max_seconds:g}",
        "long_text": f"with more than data.max_target_length={max_target_length} tokens of text",
    }
    counts = {reason: list(reasons.values()).count(reason) for reason in what}
    counts.update(utterances=len(numbers), read=len(read))
    _report(name, counts, what, keep_all)
    read, ids = [read[heard[k]] for k in numbers], [ids[heard[k]] for k in numbers]
    _warn_of_unknown(name, read, ids, tokenizer)
    frames = np.array([max(1, round(1000.0 * utterance.seconds / hop_ms)) for utterance in read], np.int32)
    hop = sample_rate * hop_ms / 1000.0
    return UtteranceIndex(read, waveforms, numbers, Ragged.of(ids), frames, hop, counts)


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error


def _report(name: str, counts: dict[str, int], what: dict[str, str], keep_all: bool) -> None:
    """Says how many utterances there are, and how many of them are left out, or kept, for which reason.

    Raises:
      UserError: none is left.
    """
    logger.info("%s: %s of %s utterances", name, f"{counts['utterances']:,}", f"{counts['read']:,}")
    reasons = [f"{counts[reason]:,} {text}" for reason, text in what.items() if counts[reason]]
    if not counts["utterances"]:
        raise UserError(f"No utterance of data.{name} is left of {counts['read']:,}: {', '.join(reasons)}.")
    for reason, text in what.items():
        if counts[reason]:
            done = "kept" if keep_all and reason != "broken" else "left out"
            logger.warning("%s: %s utterances %s, %s", name, f"{counts[reason]:,}", text, done)


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


def _more(count: int, shown: int = MAX_NAMED) -> str:
    return f" … and {count - shown} more" if count > shown else ""
