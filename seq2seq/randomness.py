"""The random numbers of training: a pure function of where the draw is, so that no generator has a state to keep.

A training step opens `drawing` with a key that names the run's seed, the step and the part of the batch; every draw
inside then depends on that key and on how many draws came before it in the graph. A run that is stopped and goes on
draws what it would have drawn.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

MAX_PARTS = 1 << 20  # of one batch


class _Draws(threading.local):
    """Of one thread: replicas are traced in threads of their own."""

    key: tf.Tensor | None = None
    count: int = 0


_draws = _Draws()


def draw_key(seed: int, step: tf.Tensor, part: tf.Tensor | int = 0) -> tf.Tensor:
    """The key of a part of a batch.

    Args:
      seed: of the run, from 0 and below 2^32.
      step: int64 scalar.
      part: which part of the batch, from 0 and below ``MAX_PARTS``.

    Returns:
      ``[2]`` int64.
    """
    where = tf.cast(step, tf.int64) * MAX_PARTS + tf.cast(part, tf.int64)
    return tf.stack([tf.constant(seed, tf.int64), where])


@contextmanager
def drawing(key: tf.Tensor) -> Iterator[None]:
    """Inside, ``uniform`` and ``normal`` draw from ``key``, ``[2]`` int64: whenever it is entered, the same."""
    outside = _draws.key, _draws.count
    _draws.key, _draws.count = key, 0
    try:
        yield
    finally:
        _draws.key, _draws.count = outside


def uniform(shape: Any, *, minimum: float = 0.0, time: tf.Tensor | None = None) -> tf.Tensor:
    """Float32 in [minimum, 1) of the given shape; outside of ``drawing`` from TensorFlow's own stateful generator.

    Args:
      time: int32 scalar, where the draw is in a loop: its body is traced once, and would draw the same in each turn.
    """
    seed = _next_seed(time)
    if seed is None:
        return tf.random.uniform(shape, minimum)
    return tf.random.stateless_uniform(shape, seed, minimum, alg="philox")


def normal(shape: Any, *, deviation: float = 1.0) -> tf.Tensor:
    """Float32 of mean 0; see ``uniform``."""
    seed = _next_seed(None)
    if seed is None:
        return tf.random.normal(shape, stddev=deviation)
    return tf.random.stateless_normal(shape, seed, stddev=deviation, alg="philox")


def _next_seed(time: tf.Tensor | None) -> tf.Tensor | None:
    if _draws.key is None:
        return None
    seed = _draws.key + tf.constant([_draws.count << 32, 0], tf.int64)
    _draws.count += 1
    return seed if time is None else tf.random.experimental.stateless_fold_in(seed, tf.cast(time, tf.int64))
