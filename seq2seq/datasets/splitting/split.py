"""Holds out validation and test data of one corpus."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from seq2seq.datasets.splitting.corpora import Corpus
from seq2seq.datasets.splitting.groups import Groups
from seq2seq.datasets.splitting.held_out import SPLITS, TEST, TRAIN, VAL, Amount, hold_out
from seq2seq.errors import UserError
from seq2seq.files import atomic_files


class Result(NamedTuple):
    """What was written.

    Attributes:
      counts: the examples of each split that has files.
      notes: what looks wrong, in sentences.
    """

    counts: dict[str, int]
    notes: list[str]


def split_corpus(corpus: Corpus, folder: Path, *, val: Amount, test: Amount, seed: int) -> Result:
    """Writes `train`, `val` and `test`, complete or not at all, each with the examples in the order of the corpus.

    Reads the files twice: what is in memory at a time are numbers, not texts.

    Args:
      corpus: its examples.
      folder: gets the files.
      val, test: how much is held out.
      seed: another one holds out others.

    Raises:
      UserError: a file is there already, or cannot be read or written; nothing can be held out, or nothing is left.
    """
    groups, whole = Groups(), []
    for example in corpus.examples(folder):
        groups.add(example.keys or ["nothing"], example.texts)
        whole.append(example.whole)
    numbers = groups.numbers()
    fit = np.ones(numbers.max() + 1, dtype=bool)
    fit[numbers[~np.asarray(whole)]] = False
    amounts = {VAL: val.of(len(numbers)), TEST: test.of(len(numbers))}
    if not any(amounts.values()):
        raise UserError(f"nothing is to be held out of {len(numbers):,} {corpus.unit}; give --val or --test")
    splits = hold_out(numbers, groups.names(numbers), amounts, fit=fit, largest=corpus.largest, seed=seed)
    notes = list(_shortage(corpus, numbers, splits, amounts))
    wanted = [TRAIN, *(split for split in (VAL, TEST) if amounts[split])]
    _write(corpus, folder, splits, [SPLITS[split] for split in wanted])
    return Result({SPLITS[split]: int(np.sum(splits == split)) for split in wanted}, notes)


def refuse_to_overwrite(corpus: Corpus, folder: Path) -> None:
    """Raises UserError where a file is that a split would be written to."""
    for path in (folder / name for split in SPLITS for name in corpus.names(split)):
        if path.exists():
            raise UserError(f"{path}: is there already; give another --output")


def _shortage(
    corpus: Corpus, groups: np.ndarray, splits: np.ndarray, amounts: Mapping[int, int]
) -> Iterator[str]:
    """What is held out where it is not what was wanted.

    Raises:
      UserError: a split is empty.
    """
    largest = f"{np.bincount(groups).max():,}"
    kind = "speaker or recording" if corpus.largest is None else "group that shares sources or targets"
    for split in (TRAIN, VAL, TEST):
        count, wanted = int(np.sum(splits == split)), amounts.get(split, 1)
        if wanted and not count:
            raise UserError(
                f"{corpus.files[0]}: none of {len(splits):,} {corpus.unit} are left for {SPLITS[split]}; the largest"
                f" {kind} has {largest}, and goes to one split as a whole"
            )
        if split != TRAIN and count < 0.9 * wanted:
            yield f"{SPLITS[split]} has {count:,} {corpus.unit}, not {wanted:,}: the largest {kind} has {largest}."
        if split != TRAIN and count > wanted:
            yield f"{SPLITS[split]} has {count:,} {corpus.unit}, not {wanted:,}: the smallest {kind} has so many."


def _write(corpus: Corpus, folder: Path, splits: np.ndarray, wanted: list[str]) -> None:
    with atomic_files(folder, "The split") as temporary, ExitStack() as stack:
        files = {
            split: [stack.enter_context(_text_file(temporary / name)) for name in corpus.names(split)]
            for split in wanted
        }
        for streams in files.values():
            for stream, header in zip(streams, corpus.headers()):
                if header is not None:
                    stream.write(f"{header}\n")
        for example, split in zip(corpus.examples(folder), splits):
            for stream, line in zip(files[SPLITS[split]], example.lines):
                stream.write(f"{line}\n")
        stack.close()
        refuse_to_overwrite(corpus, folder)


@contextmanager
def _text_file(path: Path) -> Iterator[TextIO]:
    """A new file, compressed where its name ends in `.gz`: the same content makes the same bytes."""
    with path.open("wb") as raw:
        packs = path.suffix.lower() == ".gz"
        stream = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if packs else nullcontext(raw)
        with stream as content, io.TextIOWrapper(content, encoding="utf-8", newline="\n") as text:
            yield text
