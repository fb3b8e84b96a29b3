"""A trie of strings that a graph walks: core ops of TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

import numpy as np
import tensorflow as tf

from seq2seq.text.code_points import NOTHING, find

_STATE = 1 << 21  # more than any code point


class Trie:
    """Strings with a value each, 0 or more.

    Args:
        values: by string, none of them empty.
    """

    def __init__(self, values: Mapping[str, int]) -> None:
        following: dict[int, int] = {}
        of_state = [NOTHING]
        for text, value in values.items():
            state = 0
            for character in text:
                key = state * _STATE + ord(character)
                state = following.setdefault(key, len(of_state))
                if state == len(of_state):
                    of_state.append(NOTHING)
            of_state[state] = value
        keys = sorted(following)
        self._keys = np.array(keys, np.int64)
        self._following = np.array([following[key] for key in keys], np.int32)
        self._values = np.array(of_state, np.int32)

    def __bool__(self) -> bool:
        return len(self._keys) > 0

    def values_at(self, points: tf.Tensor) -> tf.Tensor:
        """The values of all strings that begin at each place.

        Args:
            points: code points `[B, T]`, negative behind the end of a text.

        Returns:
            `[B, T, K]`: at `k` of the string of `k + 1` code points, `NOTHING` where it is none of the trie's; `K` is
            the length of the longest that may match, at least 1.
        """
        found = tf.TensorArray(tf.int32, size=0, dynamic_size=True, element_shape=[None, None])

        def collect(length: tf.Tensor, value: tf.Tensor, found: tf.TensorArray) -> tf.TensorArray:
            return found.write(length, value)

        return tf.transpose(self._walk(points, collect, found).stack(), [1, 2, 0])

    def longest_at(self, points: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Of the longest string that begins at each place its value, or `NOTHING`, and its length, or 1.

        Args:
            points: as of `values_at`.

        Returns:
            Two tensors `[B, T]`.
        """

        def keep(
            length: tf.Tensor, value: tf.Tensor, best: tuple[tf.Tensor, tf.Tensor]
        ) -> tuple[tf.Tensor, tf.Tensor]:
            there = value != NOTHING
            return tf.where(there, value, best[0]), tf.where(there, length + 1, best[1])

        nothing = tf.fill(tf.shape(points), NOTHING)
        return self._walk(points, keep, (nothing, tf.ones_like(points)))

    def _walk(self, points: tf.Tensor, keep: Callable[..., Any], kept: Any) -> Any:
        """One step for each code point of the longest match, from all places at once."""

        def step(length: tf.Tensor, ahead: tf.Tensor, state: tf.Tensor, kept: Any) -> tuple[Any, ...]:
            key = tf.cast(state, tf.int64) * _STATE + tf.cast(ahead, tf.int64)
            places, there = find(tf.where((state >= 0) & (ahead >= 0), key, NOTHING), self._keys)
            state = tf.where(there, tf.gather(self._following, places), NOTHING)
            value = tf.where(there, tf.gather(self._values, tf.maximum(state, 0)), NOTHING)
            kept = keep(length, value, kept)
            ahead = tf.pad(ahead[:, 1:], [[0, 0], [0, 1]], constant_values=NOTHING)
            return length + 1, ahead, state, kept

        def goes_on(length: tf.Tensor, _: tf.Tensor, state: tf.Tensor, __: Any) -> tf.Tensor:
            return (length == 0) | tf.reduce_any(state >= 0)

        start = (tf.constant(0), points, tf.zeros_like(points), kept)
        return tf.while_loop(goes_on, step, start)[3]
