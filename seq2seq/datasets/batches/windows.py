"""A text as one sequence of tokens, read in parallel rows, a window of each at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.datasets.batches.pairs import with_empty_rows
from seq2seq.datasets.index.pair_index import IndexedSide, PairIndex
from seq2seq.text.tokenizer import Tokenizer

HALVED = 0.05
"""Share of random windows whose mean is half as long."""

DEVIATION, SHORTEST, MOST_ABOVE = 5, 5, 20
"""Of the lengths of random windows, in tokens: their standard deviation, the least, the most above their mean."""


class Window(NamedTuple):
    """The next tokens of B rows of a text: NumPy arrays, or tensors once TensorFlow hands them on."""

    example_ids: np.ndarray
    """[B] int64: the line that each begins in, from 0; -1 for a row that has ended."""
    target_inputs: np.ndarray
    """[B, T] int32: each token's predecessor, the start where it is the first of its line."""
    target_outputs: np.ndarray
    """[B, T] int32: the tokens, the ends of lines among them."""
    target_length: np.ndarray
    """[B] int32; 0 for a row that has ended."""
    begins: np.ndarray
    """[B] bool: whether the row begins here, from no state."""


WINDOW_SIGNATURE = Window(
    example_ids=tf.TensorSpec([None], tf.int64),
    target_inputs=tf.TensorSpec([None, None], tf.int32),
    target_outputs=tf.TensorSpec([None, None], tf.int32),
    target_length=tf.TensorSpec([None], tf.int32),
    begins=tf.TensorSpec([None], tf.bool),
)


class TokenSequence:
    """The lines of a side as one sequence of tokens, each line with its end; nothing is copied.

    Args:
        side: of an index.
        tokenizer: asked for its start and end.
    """

    def __init__(self, side: IndexedSide, tokenizer: Tokenizer) -> None:
        self._ids = side.ids
        self._tokenizer = tokenizer
        self._starts = side.offsets + np.arange(len(side.offsets))  # [N + 1], of the lines

    def __len__(self) -> int:
        return int(self._starts[-1])

    def lines(self, positions: np.ndarray) -> np.ndarray:
        """The line of each position, integers of the same shape."""
        return np.searchsorted(self._starts, positions, side="right") - 1

    def tokens(self, positions: np.ndarray) -> np.ndarray:
        """The tokens at these positions, int32 of the same shape."""
        lines = self.lines(positions)
        tokens = np.full(positions.shape, self._tokenizer.end_id, np.int32)
        inner = positions + 1 < self._starts[lines + 1]
        tokens[inner] = self._ids[(positions - lines)[inner]]
        return tokens

    def before(self, positions: np.ndarray) -> np.ndarray:
        """What is read before each of them: the token before, or the start of a line."""
        first = positions == self._starts[self.lines(positions)]
        return np.where(first, self._tokenizer.start_id, self.tokens(np.maximum(positions - 1, 0)))


class WindowPlan:
    """The windows of a pass over a text; `plan[i]` is what each row reads in window i.

    The rows are as long as each other, up to one token: all of the text is read.

    Args:
        total: tokens of the text.
        rows: that are read in parallel.
        lengths: [W] integers, of the windows, which hold the longest row together.

    Attributes:
        order: [rows + 1] int64: where each row starts, and the end of the text.
        bounds: [W, 2] int64: of each window, from the start of a row.
    """

    def __init__(self, total: int, rows: int, lengths: np.ndarray) -> None:
        sizes = total // rows + (np.arange(rows) < total % rows)
        self.order = np.append(0, np.cumsum(sizes))
        ends = np.minimum(np.cumsum(lengths), sizes[0])
        self.bounds = np.stack([np.append(0, ends[:-1]), ends], axis=1)

    def __len__(self) -> int:
        return len(self.bounds)

    def __getitem__(self, number: int) -> np.ndarray:
        """[rows, 3] int64: where the row starts, and what it reads: first position, and the one after the last."""
        starts, ends = self.order[:-1], self.order[1:]
        return np.stack(
            [starts, *(np.minimum(starts + bound, ends) for bound in self.bounds[number])], axis=1
        )

    def largest(self, sizes: np.ndarray) -> int:
        """The number of the longest window; `sizes` are those of examples, and of no use here."""
        return int(np.argmax(self.bounds[:, 1] - self.bounds[:, 0]))


def window_plan(
    total: int, rows: int, window: int, *, random: bool = False, seed: int = 0, epoch: int = 0
) -> WindowPlan:
    """Plans a pass over a text.

    Args:
        total: its tokens, at least 1.
        rows: that are read in parallel.
        window: tokens of a window.
        random: whether lengths are drawn (Merity et al. 2018, arXiv:1708.02182, section 4.1): normal, with `window` or,
            rarely, half of it as their mean; at most `longest_window`.
        seed, epoch: decide the lengths together.
    """
    steps = -(-total // rows)
    if not random:
        return WindowPlan(total, rows, np.full(-(-steps // window), window))
    generator = np.random.default_rng([seed, epoch])
    shortest = min(SHORTEST, window)
    count = -(-steps // shortest)
    means = np.where(generator.random(count) < HALVED, window / 2, window)
    lengths = np.clip(
        generator.normal(means, DEVIATION).astype(int), shortest, longest_window(window, random)
    )
    return WindowPlan(total, rows, lengths[: int(np.searchsorted(np.cumsum(lengths), steps)) + 1])


def longest_window(window: int, random: bool) -> int:
    """Tokens of the longest window that `window_plan` can give."""
    return window + MOST_ABOVE * random


class WindowMaker:
    """Makes the windows that a plan names.

    Args:
        index: the lines, of whose two sides the target is read.
        tokenizer: made the index.
        rows: what a window is filled up to, with rows that have ended.
        width: tokens that it is padded to; 0: as the longest of its rows needs.
    """

    shapes = None  # one, if any

    def __init__(self, index: PairIndex, tokenizer: Tokenizer, *, rows: int, width: int = 0) -> None:
        self.index = index
        self.target_tokenizer = tokenizer
        self.sequence = TokenSequence(index.target, tokenizer)
        self._rows = rows
        self._width = width

    def __call__(self, rows: np.ndarray, seed: Sequence[int] = ()) -> Window:
        """The window of these rows, [B, 3] as `WindowPlan` has them."""
        begin, start, end = rows.T
        width = self._width or int((end - start).max(initial=1))
        positions = start[:, np.newaxis] + np.arange(width)  # [B, T]
        real = positions < end[:, np.newaxis]
        positions = np.where(real, positions, 0)
        pad_id = self.target_tokenizer.pad_id
        window = Window(
            example_ids=np.where(
                end > start, self.sequence.lines(np.minimum(start, len(self.sequence) - 1)), -1
            ),
            target_inputs=np.where(real, self.sequence.before(positions), pad_id).astype(np.int32),
            target_outputs=np.where(real, self.sequence.tokens(positions), pad_id).astype(np.int32),
            target_length=(end - start).astype(np.int32),
            begins=start == begin,
        )
        ended: Any = Window(-1, pad_id, pad_id, 0, True)  # type: ignore[arg-type]
        return with_empty_rows(window, ended, self._rows)
