"""What a step reads under scheduled sampling, against TensorFlow Addons."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.layers.addons import EmbeddingTrainingSampler
from seq2seq.layers.scheduled_sampling import ScheduledSampler
from tests.addons import needs_addons, tfa

RNG = np.random.default_rng(2)
TABLE = tf.constant(RNG.normal(size=(7, 3)), tf.float32)
TARGETS = tf.constant(RNG.normal(size=(4, 5, 3)), tf.float32)
NONE = [-1, -1, -1, -1]


def embed(ids: tf.Tensor) -> tf.Tensor:
    return tf.gather(TABLE, ids)


def followed(sampler: object, length: tf.Tensor, sampled: list[list[int]]) -> list[np.ndarray]:
    """What is read step by step, and which rows have ended, where these ids are sampled."""
    read = list(sampler.initialize(TARGETS, length))
    for t, ids in enumerate(sampled):
        *following, state = sampler.next_inputs(tf.constant(t), tf.zeros([4, 7]), "state", tf.constant(ids))
        assert state == "state"
        read += following
    return [part.numpy() for part in read]


@needs_addons
@pytest.mark.parametrize(
    ("kind", "length", "sampled"),
    [
        (ScheduledSampler, [5, 5, 5, 5], [[-1, 6, 0, -1], NONE, [1, 2, 3, 0]]),
        (EmbeddingTrainingSampler, [5, 3, 1, 0], [NONE] * 5),  # the last after the end of all
    ],
)
def test_the_inputs_are_those_of_addons(kind: type, length: list[int], sampled: list[list[int]]) -> None:
    theirs = tfa.seq2seq.ScheduledEmbeddingTrainingSampler(tf.constant(0.5), embedding_fn=embed)
    expected = followed(theirs, tf.constant(length), sampled)
    for part, wanted in zip(followed(kind(tf.constant(0.5), embed), tf.constant(length), sampled), expected):
        np.testing.assert_array_equal(part, wanted)


def test_what_is_sampled_is_read() -> None:
    sampled = [[-1, 6, 0, -1], NONE]
    read = followed(ScheduledSampler(tf.constant(0.5), embed), tf.fill([4], 5), sampled)[1::2]
    expected = TARGETS.numpy().transpose(1, 0, 2)[:3]
    expected[1, 1], expected[1, 2] = TABLE[6], TABLE[0]
    np.testing.assert_array_equal(read, expected)
