"""Utterances with their tokenised texts, and their audio once it was decoded."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from seq2seq.datasets.batches.pairs import Ragged, Shape
from seq2seq.datasets.index.digest import digest_of
from seq2seq.datasets.index.waveforms import Waveforms, more
from seq2seq.datasets.readers.utterance_reader import Utterance, UtteranceReader
from seq2seq.errors import UserError
from seq2seq.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)


class UtteranceIndex:
    """Utterances as training and evaluation see them, in memory; their audio stays on disk.

    Attributes:
      utterances: those that are used.
      waveforms: by number, their audio.
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
        self._broken: set[int] = set()  # rows whose audio was whole, or not known to be broken, at first
        self._offsets = np.concatenate([[0], np.cumsum(target.lengths, dtype=np.int64)])

    def __len__(self) -> int:
        return len(self.utterances)

    @property
    def sizes(self) -> np.ndarray:
        """``[N]`` frames and target tokens together."""
        return self.frames + self.target.lengths

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
        """The row with its audio; where that turns out to be broken and is to be skipped, the next row that is not.

        Args:
          row: from 0.
          shape: which the next row must fit into, its source in samples.

        Raises:
          UserError: broken audio that is not to be skipped; no row has any other.
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
        raise UserError(f"The audio of all {len(self)} utterances{where} is broken.")

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
    """Reads a manifest, tokenises its texts and decodes its audio into the cache.

    For training (``keep_all`` False) utterances without text, longer than a limit, or broken are left out, counted and
    logged; for evaluation all are kept but the broken. What is left out for its text or its length is not decoded: with
    a cache headers tell the length, else the manifest, where it does. Without a cache all audio of an evaluation is
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
      cache: the folder of caches; None: decode whenever audio is needed.
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
            more(len(unknown), 5),
        )
