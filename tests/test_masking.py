"""Masking policies, and the lengths and masks that no padded tensor can have."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.groups import masking
from seq2seq.errors import UserError
from seq2seq.masking import MaskingPolicy, check_lengths, length_of


@pytest.mark.parametrize(
    ("policy", "seen"), [("strict", [3, 1]), ("cudnn", [3, 1]), ("static", [3, 1]), ("none", [4, 4])]
)
def test_visible_length(policy: str, seen: list) -> None:
    np.testing.assert_array_equal(MaskingPolicy(policy).visible_length(tf.constant([3, 1]), 4), seen)


def test_the_configuration_has_the_same_policies() -> None:
    assert [policy.value for policy in MaskingPolicy] == [policy.value for policy in masking.MaskingPolicy]


def test_unknown_policy() -> None:
    with pytest.raises(
        UserError, match=r"^'statik' is no masking policy; there are strict, cudnn, static, none\.$"
    ):
        MaskingPolicy("statik")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([3, 0], 3), "length of row 1 is 0; it must be from 1 to 3, the steps of its tensor."),
        (([3, 4], 3), "length of row 1 is 4; it must be from 1 to 3, the steps of its tensor."),
        (([-1, 2], None), "length of row 0 is -1; it must be from 1."),
    ],
)
def test_lengths_out_of_range(arguments: Any, said: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        check_lengths(*map(np.asarray, arguments[:1]), arguments[1])


def test_lengths_are_named() -> None:
    with pytest.raises(UserError, match=r"^source_length of example 70 is 0; it must be from 1 to 5,"):
        check_lengths(np.array([5, 0]), 5, example_ids=np.array([60, 70], np.int64), name="source_length")


def test_lengths_in_range() -> None:
    check_lengths(np.array([1, 5]), 5)
    check_lengths(np.array([0, 5]), 5, smallest=0)
    check_lengths(np.array([1, 500]), None)


@pytest.mark.parametrize("dtype", [bool, np.int32, np.float32])
def test_length_of_a_mask(dtype: type) -> None:
    mask = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], dtype)
    length = length_of(mask)
    np.testing.assert_array_equal(length, [2, 3, 0])
    assert length.dtype == np.int32


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([1, 0, 1], "mask of row 1 is padded at step 1 and real after it; padding must be on the right."),
        ([0, 1, 1], "mask of row 1 is padded at step 0 and real after it; padding must be on the right."),
    ],
)
def test_a_mask_that_is_not_monotone(row: list[int], said: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        length_of(np.array([[1, 1, 0], row]))
    with pytest.raises(UserError, match=r"^source_mask of example 9 is padded"):
        length_of(np.array([[1, 1, 0], row]), example_ids=np.array([8, 9]), name="source_mask")
