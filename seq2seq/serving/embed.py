"""A vector for each source."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.serving.serving_module import Outputs
from seq2seq.serving.signature import Signature


class Embed(Signature):
    """The mean of the encoder's outputs ``[B, S, D]`` over each source: ``vector`` ``[B, D]``, 0 of an empty one."""

    made_of = "encode"
    about = MappingProxyType({"vector": "mean of the encoder's outputs over the source"})

    def outputs(self, known: Outputs) -> Outputs:
        memory, length = known["memory"], known["memory_length"][:, tf.newaxis]
        real = tf.sequence_mask(length, tf.shape(memory)[1])  # [B, 1, S]
        total = tf.matmul(tf.cast(real, tf.float32), memory)[:, 0]
        return {"vector": total / tf.cast(tf.maximum(length, 1), tf.float32)}

    def expected(self, known: Mapping[str, Any]) -> dict[str, Any]:
        pairs = zip(known["memory"], known["memory_length"])
        return {"vector": np.stack([rows[:length].sum(axis=0) / max(1, length) for rows, length in pairs])}
