"""TensorFlow Addons' mechanisms with our weights, over a memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.layers.attention.mechanism import AttentionMechanism
from tests.addons import tfa

CLASSES = {
    "luong": "LuongAttention",
    "bahdanau": "BahdanauAttention",
    "luong_monotonic": "LuongMonotonicAttention",
    "bahdanau_monotonic": "BahdanauMonotonicAttention",
}
WEIGHTS = ("attention_v", "attention_g", "attention_b", "attention_score_bias", "scale_weight")


def tfa_mechanism(kind: str, ours: AttentionMechanism, values: tf.Tensor, length: np.ndarray) -> Any:
    """Of ``kind``, with the weights of ``ours``, attending to ``values`` ``[B, S, D]`` of these lengths ``[B]``."""
    scaled = {"scale" if "luong" in kind else "normalize": ours.scaled}
    theirs = getattr(tfa.seq2seq, CLASSES[kind])(ours.units, **scaled)
    theirs(values, setup_memory=True)  # makes its weights
    if theirs.query_layer is not None:
        theirs.query_layer.build([None, ours.query_depth])
        theirs.query_layer.kernel = ours.query_layer.kernel
    theirs.memory_layer.kernel = ours.memory_layer.kernel
    for name in WEIGHTS:
        if getattr(ours, name, None) is not None:
            setattr(theirs, name, getattr(ours, name))
    theirs.setup_memory(values, memory_sequence_length=tf.constant(length))
    return theirs
