"""A few fixed shapes that hold the examples of an index, for compilers that want a graph per shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from seq2seq.datasets.batches.pairs import Shape
from seq2seq.datasets.batches.plan import BatchPlan, all_rows, check_size

MULTIPLE = 8  # lengths of shapes are multiples of it, as vector units like them
LEVELS = 32  # lengths of one side that a shape may have


@dataclass(frozen=True)
class StaticShapes:
    """The shapes of all batches of an index, and which example goes into which."""

    shapes: tuple[Shape, ...]
    """Largest first."""
    numbers: np.ndarray
    """[N] int16: the shape of each example, the smallest that holds both its sides."""

    def of(self, rows: np.ndarray) -> Shape:
        """The shape of a batch of these rows [B], B at least 1, as they come from a plan."""
        return self.shapes[self.numbers[rows[0]]]

    def with_sources(self, width: Callable[[int], int]) -> StaticShapes:
        """The same shapes where a source of n positions is so wide, as frames of audio are in samples."""
        return replace(
            self, shapes=tuple(shape._replace(source=width(shape.source)) for shape in self.shapes)
        )

    def plan(self, *, seed: int = 0, epoch: int = 0, shuffle: bool = True) -> BatchPlan:
        """Plans an epoch: the examples of each shape are shuffled and cut into batches, and the batches shuffled.

        No windows are needed, since nothing is sorted: at most one batch of each shape is not full.

        Args:
            seed, epoch: decide the shuffling together.
            shuffle: if not, the largest shape comes first: what needs most memory fails at once or never.
        """
        generator = np.random.default_rng([seed, epoch])
        order = all_rows(len(self.numbers))
        if shuffle:
            order = generator.permutation(order)
        order = order[np.argsort(self.numbers[order], kind="stable")]
        ends = np.cumsum(np.bincount(self.numbers, minlength=len(self.shapes)))
        bounds = [np.zeros((0, 2), np.int64)]
        for shape, start, end in zip(self.shapes, [0, *ends], ends):
            starts = np.arange(start, end, shape.rows)
            bounds.append(np.stack([starts, np.minimum(starts + shape.rows, end)], axis=1))
        batches = np.concatenate(bounds)
        return BatchPlan(order, generator.permutation(batches) if shuffle else batches)

    def positions(self) -> int:
        """How many positions the batches of an epoch have on both sides together, padding included."""
        counts = np.bincount(self.numbers, minlength=len(self.shapes)).tolist()
        return sum(
            -(-count // shape.rows) * shape.rows * (shape.source + shape.target)
            for count, shape in zip(counts, self.shapes)
        )


def static_shapes(
    source_lengths: np.ndarray, target_lengths: np.ndarray, *, count: int, batch_type: str, batch_size: int
) -> StaticShapes:
    """Chooses the shapes of batches: the one that holds everything, then, one by one, the one that saves the most
    padding beside those chosen already.

    Args:
        source_lengths: [N] integers.
        target_lengths: [N] integers, without the end.
        count: there are so many shapes at most, fewer where more would save nothing.
        batch_type: `examples`: a batch has `batch_size` rows. `tokens`: as many as fit in `batch_size` positions of
            both sides, at least 1.
        batch_size: the number of these.

    Raises:
        UserError: an unknown batch type, or a size below 1.
    """
    check_size(batch_type, batch_size)
    source, target = _levels(np.asarray(source_lengths)), _levels(np.asarray(target_lengths) + 1)
    width = source[:, None] + target  # [I, J]: positions of a row in the shape (source[i], target[j])
    # The cell of an example is the smallest shape that could hold it.
    cells = np.searchsorted(source, source_lengths) * len(target) + np.searchsorted(
        target, np.asarray(target_lengths) + 1
    )
    examples = np.bincount(cells, minlength=width.size).reshape(width.shape)  # [I, J]
    best = np.full(
        width.shape, width[-1, -1]
    )  # [I, J]: positions of a row of this cell, with the shapes so far
    chosen = [(len(source) - 1, len(target) - 1)]
    while len(chosen) < count:
        saved = np.array(
            [[_saved(examples, best, width, i, j) for j in range(len(target))] for i in range(len(source))]
        )
        i, j = (int(k) for k in np.unravel_index(saved.argmax(), saved.shape))
        if saved[i, j] == 0:
            break
        chosen.append((i, j))
        best[: i + 1, : j + 1] = np.minimum(best[: i + 1, : j + 1], width[i, j])
    chosen.sort(key=lambda shape: (-width[shape], shape))
    number = np.zeros(
        width.shape, np.int16
    )  # [I, J]: a later shape, which is smaller, takes over what it holds
    for n, (i, j) in enumerate(chosen):
        number[: i + 1, : j + 1] = n
    used, numbers = np.unique(number.reshape(-1)[cells], return_inverse=True)
    shapes = []
    for i, j in (chosen[n] for n in used):
        rows = batch_size if batch_type == "examples" else max(1, batch_size // int(width[i, j]))
        shapes.append(Shape(int(source[i]), int(target[j]), rows))
    return StaticShapes(tuple(shapes), numbers.astype(np.int16))


def _levels(lengths: np.ndarray) -> np.ndarray:
    """Ascending lengths, evenly spaced by factor, to choose shapes from; the last holds the longest."""
    longest = max(MULTIPLE, int(lengths.max(initial=0)))
    return (
        np.unique(-(-np.geomspace(MULTIPLE, longest, LEVELS).round(6) // MULTIPLE)).astype(np.int64)
        * MULTIPLE
    )


def _saved(examples: np.ndarray, best: np.ndarray, width: np.ndarray, i: int, j: int) -> int:
    """Positions that the shape (i, j) would save."""
    held = (slice(i + 1), slice(j + 1))
    return int((examples[held] * np.maximum(best[held] - width[i, j], 0)).sum())
