"""A text in windows: every token once, in order, after the one before it, whatever the rows and the lengths."""

from __future__ import annotations

from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seq2seq.datasets.batches.pairs import Ragged
from seq2seq.datasets.batches.windows import TokenSequence, WindowMaker, longest_window, window_plan
from seq2seq.datasets.index.pair_index import IndexedSide
from seq2seq.tasks.language_model.scoring import line_batch
from seq2seq.text.train import train_tokenizer

WORDS = train_tokenizer(["a b c d e f g h"], kind="word", vocabulary_size=20)
LINES = [[5, 9, 10, 4, 7], [8], [], [7, 7, 11, 9, 5, 6, 4], [6], [9, 8, 7]]
TOKENS = sum(len(line) + 1 for line in LINES)


def index(lines: list[list[int]] = LINES) -> Any:
    ragged = Ragged.of(lines)
    offsets = np.append(0, np.cumsum(ragged.lengths, dtype=np.int64))
    return SimpleNamespace(
        target=IndexedSide(ragged.values.astype(np.uint16), offsets, ragged.lengths, None, None)
    )


def expected() -> tuple[list[int], list[int], list[int]]:
    """Inputs, outputs and line numbers of the whole text, from batches of lines."""
    batch = line_batch(np.arange(len(LINES)), LINES, WORDS)
    real = np.arange(batch.target_inputs.shape[1]) < batch.target_length[:, None]
    lines = np.repeat(np.arange(len(LINES)), batch.target_length)
    return batch.target_inputs[real].tolist(), batch.target_outputs[real].tolist(), lines.tolist()


def test_a_text_is_its_lines_one_after_the_other() -> None:
    sequence, positions = TokenSequence(index().target, WORDS), np.arange(TOKENS)
    found = (sequence.before(positions), sequence.tokens(positions), sequence.lines(positions))
    assert len(sequence) == TOKENS
    assert tuple(array.tolist() for array in found) == expected()


@pytest.mark.parametrize("width", [0, 30])
@pytest.mark.parametrize(("rows", "window"), [(1, 4), (3, 4), (4, 100), (7, 1), (40, 3)])
@pytest.mark.parametrize("random", [False, True])
def test_windows_together_are_the_text(rows: int, window: int, random: bool, width: int) -> None:
    plan = window_plan(TOKENS, rows, window, random=random, seed=3)
    maker = WindowMaker(index(), WORDS, rows=rows + 2, width=width)
    inputs: list[list[int]] = [[] for _ in range(rows)]
    outputs: list[list[int]] = [[] for _ in range(rows)]
    ids, lines = [], expected()[2]
    for number in range(len(plan)):
        batch = maker(plan[number], seed=(1, 0, number, 0))
        assert batch.target_inputs.shape[0] == rows + 2
        assert batch.target_inputs.shape[1] <= longest_window(window, random) or width
        assert batch.begins[:rows].all() == batch.begins[:rows].any() == (number == 0)
        for row, length in enumerate(batch.target_length[:rows]):
            ids += [batch.example_ids[row]] * int(length > 0)
            assert batch.example_ids[row] == (lines[plan[number][row, 1]] if length else -1)
            inputs[row] += batch.target_inputs[row, :length].tolist()
            outputs[row] += batch.target_outputs[row, :length].tolist()
            assert (batch.target_inputs[row, length:] == WORDS.pad_id).all()
        assert not batch.target_length[rows:].any()
    assert (list(chain(*inputs)), list(chain(*outputs))) == expected()[:2]
    lengths = [len(row) for row in inputs]
    assert max(lengths) - min(lengths) <= 1


def test_random_lengths_are_those_of_the_paper() -> None:
    """About 0.95 of them normal about the window, the rest about its half; a function of seed and epoch."""
    plan = window_plan(4_000_000, 2, 70, random=True, seed=1)
    lengths = np.diff(plan.bounds, axis=1)[:-1, 0]
    usual = lengths[lengths > 52]
    assert 0.92 < len(usual) / len(lengths) < 0.98
    assert abs(usual.mean() - 69.5) < 0.2 and abs(usual.std() - 5) < 0.2
    assert abs(lengths[lengths <= 52].mean() - 34.5) < 0.5
    assert lengths.min() >= 5 and lengths.max() <= longest_window(70, True)
    for seed, epoch in ((1, 1), (2, 0)):
        other = window_plan(4_000_000, 2, 70, random=True, seed=seed, epoch=epoch)
        assert not np.array_equal(other.bounds, plan.bounds)
    again = window_plan(4_000_000, 2, 70, random=True, seed=1)
    np.testing.assert_array_equal(again.bounds, plan.bounds)


def test_the_largest_window() -> None:
    plan = window_plan(1000, 2, 70, random=True, seed=1)
    lengths = np.diff(plan.bounds, axis=1)[:, 0]
    assert lengths[plan.largest(np.zeros(0))] == lengths.max()
