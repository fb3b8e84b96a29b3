"""Contract 3: decoding step by step gives the logits of teacher forcing."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.closeness import assert_close
from tests.contracts.variants import VARIANTS, VOCABULARY, build


@pytest.mark.parametrize("name", VARIANTS)
def test_steps_give_the_logits_of_the_whole(name: str) -> None:
    model = build(name)
    rng = np.random.default_rng(5)
    source = tf.constant(rng.integers(4, VOCABULARY, (3, 6)), tf.int32)
    source_length = tf.constant([6, 1, 4])
    target = tf.constant(rng.integers(4, VOCABULARY, (3, 5)), tf.int32)

    encoded = model.encode(source, source_length)
    whole = model(source, source_length, target)
    alignments = model.decode(encoded, target).alignments
    state, memory = model.start(encoded)
    for t in range(target.shape[1]):
        logits, state, alignment = model.step(target[:, t], state, memory)
        assert_close(logits, whole[:, t])
        assert_close(alignment, alignments[:, t])
