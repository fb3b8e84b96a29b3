"""Which examples make up each batch of an epoch: a pure function of lengths, seed and epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seq2seq.errors import UserError

BATCH_TYPES = ("tokens", "examples")
STRIP = 2  # source lengths that are sorted as one


@dataclass(frozen=True)
class BatchPlan:
    """The batches of an epoch, in order; `plan[i]` is the rows of batch i."""

    order: np.ndarray
    """[N] int32 (int64 beyond 2^31): every row once, batch mates beside each other."""
    bounds: np.ndarray
    """[batches, 2] int64: where in `order` each batch starts and ends."""

    def __len__(self) -> int:
        return len(self.bounds)

    def __getitem__(self, number: int) -> np.ndarray:
        start, end = self.bounds[number]
        return self.order[start:end]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))

    def largest(self, sizes: np.ndarray) -> int:
        """The number of the batch that has the most positions, padding included.

        Args:
            sizes: [N] integers, of the rows.
        """
        return int(np.argmax([len(rows) * int(sizes[rows].max()) for rows in self]))


def batch_plan(
    source_lengths: np.ndarray,
    target_lengths: np.ndarray,
    *,
    batch_type: str,
    batch_size: int,
    seed: int,
    epoch: int,
    shuffle: bool = True,
    window_batches: int = 50,
) -> BatchPlan:
    """Plans an epoch of training.

    Examples are shuffled; so many as fill about `window_batches` batches are sorted by length together;
    batches are cut from that, and shuffled. Large windows pad less, small ones mix lengths better.

    Args:
        source_lengths: [N] integers.
        target_lengths: [N] integers, without the end.
        batch_type: `examples`: a batch holds `batch_size` examples, the last of a window fewer. `tokens`: it
            holds as many as fit in `batch_size` tokens, padding and ends of sentences included: B·max(S) +
            B·max(T + 1); an example that does not fit by itself is a batch of its own.
        batch_size: the number of these.
        seed, epoch: decide the shuffling together.
        shuffle: whether examples and batches are shuffled; windows are sorted all the same.
        window_batches: see above.

    Raises:
        UserError: an unknown batch type, or a size below 1.
    """
    check_size(batch_type, batch_size)
    generator = np.random.default_rng([seed, epoch])
    order = all_rows(len(source_lengths))
    if shuffle:
        order = generator.permutation(order)
    source_lengths, steps = np.asarray(source_lengths), np.asarray(target_lengths) + 1
    per_batch = float(batch_size)
    if batch_type == "tokens" and len(order):
        per_batch = max(1.0, batch_size / float(source_lengths.mean() + steps.mean()))
    bounds = [np.zeros((0, 2), np.int64)]
    start = 0
    for window in np.array_split(order, max(1, round(len(order) / (per_batch * window_batches)))):
        window[:] = window[
            _by_length(source_lengths[window], steps[window])
        ]  # a view: sorts its part of `order`
        bounds.append(start + _cut(source_lengths[window], steps[window], batch_type, batch_size))
        start += len(window)
    batches = np.concatenate(bounds)
    return BatchPlan(order, generator.permutation(batches) if shuffle else batches)


def evaluation_plan(
    source_lengths: np.ndarray, target_lengths: np.ndarray, *, batch_type: str, batch_size: int
) -> BatchPlan:
    """Plans a pass over everything, the longest source first: what needs most memory fails at once or never.

    Arguments and errors are those of `batch_plan`.
    """
    check_size(batch_type, batch_size)
    source_lengths, steps = np.asarray(source_lengths), np.asarray(target_lengths) + 1
    order = all_rows(len(source_lengths))[np.lexsort((-steps, -source_lengths))]
    return BatchPlan(order, _cut(source_lengths[order], steps[order], batch_type, batch_size))


def check_size(batch_type: str, batch_size: int) -> None:
    """Refuses what is no size of a batch (UserError)."""
    if batch_type not in BATCH_TYPES:
        raise UserError(f"batch_type={batch_type} is unknown; choose one of {', '.join(BATCH_TYPES)}.")
    if batch_size < 1:
        raise UserError(f"batch_size={batch_size} holds nothing; give at least 1.")


def all_rows(number: int) -> np.ndarray:
    """[number] integers from 0, as small as they can be."""
    return np.arange(number, dtype=np.int32 if number < 2**31 else np.int64)


def _by_length(source_lengths: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Sorts by source length, and by target length within strips of it, up and down in turn.

    Sorting by the source alone leaves targets of all lengths side by side, and going up in every strip makes
    the longest targets of one neighbours of the shortest of the next. On Multi30k (batches of 4,096 tokens,
    windows of 50) 93 % of a batch is tokens this way, 89 % when sorted by source, then target.
    """
    strip = source_lengths // STRIP
    return np.lexsort((np.where(strip % 2, -steps, steps), strip))


def _cut(source_lengths: np.ndarray, steps: np.ndarray, batch_type: str, batch_size: int) -> np.ndarray:
    """Cuts sorted examples into batches: [batches, 2] int64 starts and ends."""
    total = len(source_lengths)
    if batch_type == "examples":
        starts = np.arange(0, total, batch_size)
        return np.stack([starts, np.minimum(starts + batch_size, total)], axis=1)
    ends = [0]
    while ends[-1] < total:
        start = ends[-1]
        # No more than if all were as short as the first; of those, as many as the longest so far allow.
        most = max(1, batch_size // int(source_lengths[start] + steps[start]))
        width = np.maximum.accumulate(source_lengths[start : start + most]) + np.maximum.accumulate(
            steps[start : start + most]
        )
        tokens = width * np.arange(1, len(width) + 1, dtype=np.int64)
        ends.append(start + max(1, int(np.searchsorted(tokens, batch_size, side="right"))))
    return np.stack([ends[:-1], ends[1:]], axis=1).astype(np.int64)
