"""Which groups of examples are held out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seq2seq.datasets.splitting.groups import digest
from seq2seq.errors import UserError

TRAIN, VAL, TEST = range(3)
SPLITS = ("train", "val", "test")

_MAX_COUNT, _SHARE = 1_000, 0.05


@dataclass(frozen=True)
class Amount:
    """How much is held out: a count or a share of the examples, or the smaller of both."""

    count: int | None
    share: float | None

    def of(self, examples: int) -> int:
        counts = [] if self.count is None else [self.count]
        counts += [] if self.share is None else [round(self.share * examples)]
        return min(counts)

    @classmethod
    def parse(cls, text: str | None, option: str) -> Amount:
        """Of `1000`, `0.05` or `5%`; of None the default.

        Raises:
          UserError: it is none of these.
        """
        if text is None:
            return cls(_MAX_COUNT, _SHARE)
        matched = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)(%?)", text.strip(), re.ASCII)
        if matched:
            number, percent = matched.groups()
            value = float(number)
            if percent and value < 100:
                return cls(None, value / 100)
            if not percent and value < 1:
                return cls(None, value)
            if not percent and value.is_integer():
                return cls(int(value), None)
        raise UserError(f"{option} {text}: must be a count (1000) or a share below the whole (0.05, 5%)")


def hold_out(
    groups: np.ndarray,
    names: np.ndarray,
    amounts: Mapping[int, int],
    *,
    fit: np.ndarray,
    largest: int | None,
    seed: int,
) -> np.ndarray:
    """The split of each example: groups are taken in the order of a hash, those for the test from its one end and those
    for validation from the other, each where it does not exceed what is still wanted.

    So the order of the examples does not matter, and further examples move few of these, and none between validation
    and test.

    Args:
      groups: the number of each example's group, ``[N]``.
      names: a digest of each group, ``[G]``.
      amounts: the examples wanted for ``VAL`` and ``TEST``.
      fit: which groups may be held out, ``[G]``.
      largest: groups of more examples are trained on; None: the smallest is held out where no other is small enough.
      seed: another one holds out others.

    Returns:
      ``[N]`` of ``TRAIN``, ``VAL``, ``TEST``; there may be fewer of the latter two than wanted.
    """
    sizes = np.bincount(groups)
    order = np.argsort([digest(str(seed), str(name)) for name in names.tolist()], kind="stable")
    splits = np.full(len(sizes), TRAIN)
    for split, ends in ((TEST, order), (VAL, order[::-1])):
        wanted = amounts.get(split, 0)
        if not wanted:
            continue
        free = [group for group in ends if fit[group] and splits[group] == TRAIN]
        for group in free:
            if sizes[group] <= min(wanted, largest or wanted):
                splits[group] = split
                wanted -= sizes[group]
        if largest is None and free and wanted == amounts[split]:
            splits[min(free, key=lambda group: sizes[group])] = split
    return splits[groups]
