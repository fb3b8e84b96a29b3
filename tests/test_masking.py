"""The lengths that layers get to see."""

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.masking import MaskingPolicy


@pytest.mark.parametrize(("policy", "seen"), [("strict", [3, 1]), ("none", [4, 4])])
def test_visible_length(policy: str, seen: list) -> None:
    np.testing.assert_array_equal(MaskingPolicy(policy).visible_length(tf.constant([3, 1]), 4), seen)
