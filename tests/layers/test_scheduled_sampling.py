"""What a step reads under scheduled sampling, against TensorFlow Addons."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from seq2seq.layers.addons import tfa
from seq2seq.layers.scheduled_sampling import ScheduledSampler


def test_the_next_inputs_are_those_of_tfa() -> None:
    rng = np.random.default_rng(2)
    table = tf.constant(rng.normal(size=(7, 3)), tf.float32)
    targets = tf.constant(rng.normal(size=(4, 5, 3)), tf.float32)

    def embed(ids: tf.Tensor) -> tf.Tensor:
        return tf.gather(table, ids)

    ours = ScheduledSampler(tf.constant(0.5), embed)
    theirs = tfa.seq2seq.ScheduledEmbeddingTrainingSampler(tf.constant(0.5), embedding_fn=embed)
    for sampler in (ours, theirs):
        sampler.initialize(targets, tf.fill([4], 5))
    for t, ids in enumerate(([-1, 6, 0, -1], [-1, -1, -1, -1], [1, 2, 3, 0])):
        found, expected = (
            sampler.next_inputs(tf.constant(t), tf.zeros([4, 7]), (), tf.constant(ids))
            for sampler in (ours, theirs)
        )
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
