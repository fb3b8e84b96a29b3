"""How long a hypothesis may become."""

from __future__ import annotations

import tensorflow as tf


def relative_length(source_length: tf.Tensor, ratio: float, offset: int = 0) -> tf.Tensor:
    """``⌊ratio · source_length⌋ + offset``: [B] int32 → [B] int32, for ``max_length`` and ``min_length``."""
    return tf.cast(tf.floor(ratio * tf.cast(source_length, tf.float32)), tf.int32) + offset
