"""Keras 2, in which the layers and optimizers are written, whichever package holds it.

TensorFlow up to 2.15 has it as ``tf.keras``; from 2.16 on that is Keras 3, and Keras 2 goes on as ``tf_keras``. It is
taken by that name: what ``tf.keras`` is in the program around, and which was imported first, does not matter.

``rnn_cell`` holds TensorFlow 1's cells and their state, ``tf.compat.v1.nn.rnn_cell``, which moved with it.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from seq2seq.errors import UserError

__all__ = ["keras", "rnn_cell"]


def _keras2() -> tuple[Any, Any]:
    major, minor = tf.__version__.split(".")[:2]
    if (int(major), int(minor)) < (2, 16):
        return tf.keras, tf.compat.v1.nn.rnn_cell
    try:
        import tf_keras
        from tf_keras.api._v1.keras.__internal__.legacy import rnn_cell
    except ImportError as error:
        raise UserError(
            f"TensorFlow {tf.__version__} has Keras 3, and this needs Keras 2 beside it:"
            f" pip install 'tf-keras=={major}.{minor}.*' ({error})"
        ) from error
    return tf_keras, rnn_cell


keras, rnn_cell = _keras2()
