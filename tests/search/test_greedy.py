"""Greedy search against an argmax in a loop."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from seq2seq.search import greedy_search
from tests.closeness import assert_close
from tests.search.fake_steps import SPECIAL_IDS, MarkovTable


def test_equals_argmax_in_a_loop() -> None:
    step = MarkovTable(tables=40)
    max_length = np.random.default_rng(0).integers(1, 12, size=40)
    result = greedy_search(step, **step.inputs(range(40)), max_length=tf.constant(max_length, tf.int32))
    for table in range(40):
        tokens = [SPECIAL_IDS.start]
        while len(tokens) <= max_length[table] and tokens[-1] != SPECIAL_IDS.end:
            logits = step.logits[table, len(tokens) - 1, tokens[-1]].copy()
            logits[[SPECIAL_IDS.start, SPECIAL_IDS.pad]] = -np.inf
            tokens.append(int(logits.argmax()))
        log_prob = step.log_probs(table, tokens[1:]).sum()
        expected = [token for token in tokens[1:] if token != SPECIAL_IDS.end]
        length = result.lengths[table, 0].numpy()
        assert result.ids[table, 0, :length].numpy().tolist() == expected
        assert_close(result.log_probs[table, 0], log_prob)
    np.testing.assert_array_equal(result.scores, result.log_probs)
    assert len(np.unique(result.lengths)) > 4
