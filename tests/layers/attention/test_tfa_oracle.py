"""Every mechanism that TensorFlow Addons has gives its alignments and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.groups.attention import ATTENTIONS
from tests.addons import needs_addons
from tests.closeness import assert_close, assert_gradients_close

from .tfa_mechanisms import CLASSES, tfa_mechanism

B, S, T, K, D = 3, 6, 4, 5, 7
LENGTH = np.array([6, 1, 4], np.int32)


@needs_addons
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("kind", CLASSES)
def test_equals_addons(kind: str, scaled: bool) -> None:
    ours = ATTENTIONS[kind].target(units=K, scaled=scaled, memory_depth=D, query_depth=K)
    rng = np.random.default_rng(0)
    for weight in ours.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    values = tf.constant(rng.normal(size=[B, S, D]), tf.float32)
    queries = tf.constant(rng.normal(size=[T, B, K]), tf.float32)
    weights = tf.constant(rng.normal(size=[T, B, S]), tf.float32)

    def our_steps() -> tf.Tensor:
        memory = ours.prepare(values, tf.constant(LENGTH))
        alignments, found = ours.initial_alignments(memory), []
        for query in tf.unstack(queries):
            alignments = ours.step(query, alignments, memory)
            found.append(alignments)
        return tf.stack(found)

    def our_whole() -> tf.Tensor:
        return ours.align_all(queries, ours.prepare(values, tf.constant(LENGTH)))

    def their_steps() -> tf.Tensor:
        theirs, found = tfa_mechanism(kind, ours, values, LENGTH), []
        state = theirs.initial_alignments(B, tf.float32)
        for query in tf.unstack(queries):
            alignments, state = theirs([query, state])
            found.append(alignments)
        return tf.stack(found)

    results = []
    for run in (their_steps, our_steps, our_whole):
        with tf.GradientTape() as tape:
            tape.watch([values, queries])
            alignments = run()
            loss = tf.reduce_sum(weights * tf.sin(3.0 * alignments))
        gradients = tape.gradient(loss, [values, queries, *ours.trainable_variables])
        results.append((alignments, gradients))
    (expected, expected_gradients), *others = results
    for alignments, gradients in others:
        assert_close(alignments, expected)
        assert_gradients_close(gradients, expected_gradients)


def test_every_kind_has_an_oracle() -> None:
    assert set(ATTENTIONS) == {
        *CLASSES,
        "location",  # held by its equations, see test_location.py
        "none",  # and by having none, see test_no_attention.py
    }


def test_luong_needs_the_depth_of_its_query() -> None:
    with pytest.raises(ValueError, match="units=4 must be the depth of the query, 5"):
        ATTENTIONS["luong"].target(units=4, scaled=True, memory_depth=D, query_depth=5)
