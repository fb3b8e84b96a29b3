"""Noise on sources."""

from __future__ import annotations

import numpy as np
import pytest

from seq2seq.datasets.batches.noise import Noise
from seq2seq.datasets.batches.pairs import Ragged

UNKNOWN = 1
ROWS = Ragged.of(
    [list(range(10 * n, 10 * n + length)) for n, length in enumerate([1, 7, 30, 2, 30] * 40, start=1)]
)


def split(ragged: Ragged) -> list[np.ndarray]:
    return np.split(ragged.values, np.cumsum(ragged.lengths)[:-1])


def test_none_changes_nothing() -> None:
    assert not Noise()
    found = Noise()(ROWS, UNKNOWN, 3)
    np.testing.assert_array_equal(found.values, ROWS.values)
    np.testing.assert_array_equal(found.lengths, ROWS.lengths)


@pytest.mark.parametrize("noise", [Noise(shuffle=3), Noise(drop=0.4), Noise(mask=0.2), Noise(3, 0.4, 0.2)])
def test_it_is_a_function_of_the_seed(noise: Noise) -> None:
    one, same, other = (noise(ROWS, UNKNOWN, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.values, same.values)
    np.testing.assert_array_equal(one.lengths, same.lengths)
    assert len(one.values) != len(other.values) or np.any(one.values != other.values)


@pytest.mark.parametrize("places", [1, 3])
def test_tokens_move_so_far_and_no_farther(places: int) -> None:
    moves = []
    for before, after in zip(split(ROWS), split(Noise(shuffle=places)(ROWS, UNKNOWN, 1))):
        assert sorted(after) == sorted(before)
        moves += [abs(n - before.tolist().index(token)) for n, token in enumerate(after)]
    assert max(moves) == places


def test_tokens_are_left_out_and_one_stays() -> None:
    found = Noise(drop=0.4)(ROWS, UNKNOWN, 1)
    assert found.lengths.min() == 1
    assert found.lengths.sum() == len(found.values)
    assert len(found.values) / len(ROWS.values) == pytest.approx(0.6, abs=0.05)
    for before, after in zip(split(ROWS), split(found)):
        assert [token for token in before if token in after] == after.tolist()
    assert Noise(drop=1.0)(ROWS, UNKNOWN, 1).lengths.tolist() == [1] * len(ROWS.lengths)


def test_tokens_are_made_unknown() -> None:
    found = Noise(mask=0.2)(ROWS, UNKNOWN, 1)
    masked = found.values == UNKNOWN
    assert masked.mean() == pytest.approx(0.2, abs=0.03)
    np.testing.assert_array_equal(found.values[~masked], ROWS.values[~masked])
