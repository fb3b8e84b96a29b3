"""Code points of texts in a graph: core ops of TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

NOTHING = -1
"""Where there is no code point, and no place in a table."""


class Texts(NamedTuple):
    """Texts by number, one behind the other."""

    starts: np.ndarray
    sizes: np.ndarray
    points: np.ndarray

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        points = [[ord(character) for character in text] for text in texts]
        sizes = np.array([len(text) for text in points], np.int32)
        return cls(
            starts=np.cumsum(sizes, dtype=np.int32) - sizes,
            sizes=sizes,
            points=np.array([point for text in points for point in text], np.int32),
        )


def find(values: tf.Tensor, keys: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
    """The place of each value among the sorted keys (one at least), and whether it is there; any shape."""
    flat = tf.reshape(values, [-1])
    places = tf.minimum(tf.searchsorted(tf.constant(keys), flat), len(keys) - 1)
    there = tf.gather(keys, places) == flat
    return tf.reshape(places, tf.shape(values)), tf.reshape(there, tf.shape(values))


def replace(points: tf.RaggedTensor, numbers: tf.Tensor, texts: Texts) -> tf.RaggedTensor:
    """Code points `[B, (T)]` with each replaced by the text whose number stands in its place of `numbers`, which are as
    many as all code points, or left where that is `NOTHING`."""
    flat = points.flat_values
    sizes = tf.where(numbers == NOTHING, 1, tf.gather(texts.sizes, tf.maximum(numbers, 0)))
    origin = tf.repeat(tf.range(tf.size(flat)), sizes)
    offset = tf.range(tf.size(origin)) - tf.gather(tf.cumsum(sizes, exclusive=True), origin)
    number = tf.gather(numbers, origin)
    part = tf.where(number == NOTHING, 0, tf.gather(texts.starts, tf.maximum(number, 0)) + offset)
    values = tf.where(number == NOTHING, tf.gather(flat, origin), tf.gather(texts.points, part))
    return tf.RaggedTensor.from_value_rowids(
        values, tf.gather(points.value_rowids(), origin), nrows=points.nrows(), validate=False
    )


def utf8_size(points: tf.Tensor) -> tf.Tensor:
    """How many bytes each code point takes."""
    return 1 + sum(tf.cast(points >= least, tf.int32) for least in (0x80, 0x800, 0x10000))


def utf8_byte(points: tf.Tensor, place: int, nothing: int) -> tf.Tensor:
    """Byte `place` of each code point; `nothing` behind its last."""
    size = utf8_size(points)
    bits = tf.bitwise.right_shift(points, 6 * tf.maximum(size - 1 - place, 0))
    byte = tf.gather([0, 0x00, 0xC0, 0xE0, 0xF0], size) | bits if place == 0 else 0x80 | (bits & 0x3F)
    return tf.where(place < size, byte, nothing)


def encode(points: tf.RaggedTensor) -> tf.Tensor:
    """UTF-8 of all code points; `tf.strings.unicode_encode` replaces those that are no characters."""
    encoded = tf.stack([utf8_byte(points.flat_values, place, nothing=256) for place in range(4)], axis=1)
    each_byte = tf.constant([*(bytes([byte]) for byte in range(256)), b""])
    characters = tf.strings.reduce_join(tf.gather(each_byte, encoded), axis=1)
    return tf.strings.reduce_join(points.with_flat_values(characters), axis=1)
