"""Keras 2, in which the layers and optimizers are written, whichever package holds it.

TensorFlow up to 2.15 has it as ``tf.keras``; from 2.16 on that is Keras 3, and Keras 2 goes on as ``tf_keras``. It is
taken by that name: what ``tf.keras`` is in the program around, and which was imported first, does not matter.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from seq2seq.errors import UserError

__all__ = ["keras"]


def _keras2() -> Any:
    major, minor = tf.__version__.split(".")[:2]
    if (int(major), int(minor)) < (2, 16):
        return tf.keras
    try:
        import tf_keras
    except ImportError as error:
        raise UserError(
            f"TensorFlow {tf.__version__} has Keras 3, and this needs Keras 2 beside it:"
            f" pip install 'tf-keras=={major}.{minor}.*' ({error})"
        ) from error
    return tf_keras


keras = _keras2()
