"""Ids to text in the graph."""

from __future__ import annotations

import re

import numpy as np
import tensorflow as tf

from seq2seq.text import Tokenizer

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_NO_BYTE = -1
_REPLACEMENT = "\ufffd"


class GraphDetokenizer:
    """A tokenizer's ``decode``, of any kind, in core ops of TensorFlow.

    What every id stands for is asked of the tokenizer: at the beginning of a text (where words have no space before
    them) and inside. Bytes, which SentencePiece spells rare characters with, are joined to UTF-8; those that make no
    character become U+FFFD each.

    Args:
      tokenizer: whose text to give.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        ids = range(tokenizer.vocabulary_size)
        alone = tokenizer.decode([[i] for i in ids])
        pieces = tokenizer.pieces(list(ids))
        spelled = [_BYTE.fullmatch(piece) if piece != text else None for piece, text in zip(pieces, alone)]
        self._byte = np.array([int(match[1], 16) if match else _NO_BYTE for match in spelled], np.int32)
        ordinary = [i for i in ids if alone[i] and self._byte[i] == _NO_BYTE]
        anchor = next((i for i in ordinary if i != tokenizer.unknown_id), tokenizer.unknown_id)
        inside = [text[len(alone[anchor]) :] for text in tokenizer.decode([[anchor, i] for i in ids])]
        # An id after which a text has begun: the next one stands inside.
        probe = next((i for i in ordinary if inside[i] != alone[i]), anchor)
        followed = tokenizer.decode([[i, probe] for i in ids])
        self._begins = np.array([text != alone[i] + alone[probe] for i, text in enumerate(followed)])
        self._begins |= self._byte != _NO_BYTE
        self._alone = [bytes([b]) if b != _NO_BYTE else text.encode() for b, text in zip(self._byte, alone)]
        self._inside = [bytes([b]) if b != _NO_BYTE else text.encode() for b, text in zip(self._byte, inside)]

    def __call__(self, ids: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """Ids ``[N, T]`` int32 and their lengths ``[N]`` to texts ``[N]``."""
        return tf.strings.reduce_join(self.surfaces(ids, length), axis=1)

    def surfaces(self, ids: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """What each id adds to the text, ``[N, T]`` strings; bytes of one character as they are, to be joined."""
        real = tf.sequence_mask(length, tf.shape(ids)[1])
        ids = tf.where(real, ids, 0)
        begun = tf.cast(tf.gather(self._begins, ids) & real, tf.int32)
        at_start = tf.cumsum(begun, axis=1, exclusive=True) == 0
        surfaces = tf.where(
            at_start, tf.gather(tf.constant(self._alone), ids), tf.gather(tf.constant(self._inside), ids)
        )
        if (self._byte != _NO_BYTE).any():
            value = tf.where(real, tf.gather(self._byte, ids), _NO_BYTE)
            surfaces = tf.where((value != _NO_BYTE) & ~_in_characters(value), _REPLACEMENT, surfaces)
        return tf.where(real, surfaces, "")


def _in_characters(value: tf.Tensor) -> tf.Tensor:
    """``[N, T]`` bytes, −1 for none, to whether each is part of a well-formed character of UTF-8."""

    def ahead(steps: int) -> tf.Tensor:
        return tf.pad(value[:, steps:], [[0, 0], [0, steps]], constant_values=_NO_BYTE)[
            :, : tf.shape(value)[1]
        ]

    def between(values: tf.Tensor, low: int | tf.Tensor, high: int | tf.Tensor) -> tf.Tensor:
        return (values >= low) & (values <= high)

    second, third, fourth = (ahead(steps) for steps in (1, 2, 3))
    # The Unicode Standard, table 3-7: what may follow a first byte.
    lowest = tf.where(value == 0xE0, 0xA0, tf.where(value == 0xF0, 0x90, 0x80))
    highest = tf.where(value == 0xED, 0x9F, tf.where(value == 0xF4, 0x8F, 0xBF))
    second_follows, third_follows = between(second, lowest, highest), between(third, 0x80, 0xBF)
    size = tf.zeros_like(value)
    size = tf.where(between(value, 0x00, 0x7F), 1, size)
    size = tf.where(between(value, 0xC2, 0xDF) & second_follows, 2, size)
    size = tf.where(between(value, 0xE0, 0xEF) & second_follows & third_follows, 3, size)
    four = between(value, 0xF0, 0xF4) & second_follows & third_follows & between(fourth, 0x80, 0xBF)
    size = tf.where(four, 4, size)
    inside = size > 0
    for steps in (1, 2, 3):
        before = tf.pad(size, [[0, 0], [steps, 0]])[:, : tf.shape(size)[1]]
        inside |= before > steps
    return inside
