"""Attention mechanisms of TensorFlow Addons, with the memory as an argument.

TFA's mechanisms keep the memory they attend to in attributes. Here it travels as a value (``Memory``) and is bound to
the mechanism only for the extent of a ``with`` block, so that nothing outlives the graph it belongs to.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf

os.environ.setdefault("TF_ADDONS_PY_OPS", "1")  # no custom op may reach a graph that a stock server loads

import tensorflow_addons as tfa

KINDS = ("luong", "bahdanau", "luong_monotonic", "bahdanau_monotonic")


class Memory(NamedTuple):
    """What a decoder attends to, prepared once per sequence.

    Attributes:
      keys: ``[B, S, K]``, what queries are compared with.
      values: ``[B, S, D]``, what is averaged; zero past the length.
      mask: ``[B, S]`` bool, True on real positions.
    """

    keys: tf.Tensor
    values: tf.Tensor
    mask: tf.Tensor


def build_mechanism(
    kind: str, *, units: int, scaled: bool, memory_depth: int, query_depth: int
) -> tfa.seq2seq.AttentionMechanism:
    """A TFA attention mechanism with its weights made.

    Args:
      kind: ``luong`` (Luong et al. 2015, general), ``bahdanau`` (Bahdanau et al. 2015), or their monotonic forms
        (Raffel et al. 2017), in expectation ("parallel" mode).
      units: depth of the keys; for Luong it must equal ``query_depth``, since the query is used as it is.
      scaled: Luong: a learned scale of the scores; Bahdanau: weight normalisation (Salimans & Kingma 2016).
      memory_depth, query_depth: depth of the encoder's outputs and of the decoder's cell output.
    """
    if kind == "luong":
        mechanism = tfa.seq2seq.LuongAttention(units, scale=scaled, name="attention_mechanism")
    elif kind == "bahdanau":
        mechanism = tfa.seq2seq.BahdanauAttention(units, normalize=scaled, name="attention_mechanism")
    elif kind == "luong_monotonic":
        mechanism = tfa.seq2seq.LuongMonotonicAttention(units, scale=scaled, name="attention_mechanism")
    elif kind == "bahdanau_monotonic":
        mechanism = tfa.seq2seq.BahdanauMonotonicAttention(
            units, normalize=scaled, name="attention_mechanism"
        )
    else:
        raise ValueError(f"attention kind {kind!r} is not one of {', '.join(KINDS)}")
    # TFA builds in two rounds: the memory layer before a memory is set, the query layer after.
    mechanism.build(tf.TensorShape([None, None, memory_depth]))
    mechanism._memory_initialized = True
    mechanism.build([tf.TensorShape([None, query_depth]), tf.TensorShape([None, None])])
    mechanism._memory_initialized = False
    return mechanism


def prepare_memory(mechanism: tfa.seq2seq.AttentionMechanism, values: tf.Tensor, length: tf.Tensor) -> Memory:
    """Computes the keys of ``values`` ``[B, S, D]``, of which ``length`` ``[B]`` are real."""
    mask = tf.sequence_mask(length, tf.shape(values)[1])
    values = values * tf.cast(mask, values.dtype)[..., tf.newaxis]
    return Memory(keys=mechanism.memory_layer(values), values=values, mask=mask)


@contextlib.contextmanager
def bound(mechanism: tfa.seq2seq.AttentionMechanism, memory: Memory) -> Iterator[None]:
    """Within the block ``mechanism`` attends to ``memory``."""

    def masked_probability(score: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        return unmasked_probability(tf.where(memory.mask, score, score.dtype.min), previous)

    unmasked_probability = mechanism.default_probability_fn
    mechanism.keys, mechanism.values = memory.keys, memory.values
    mechanism.batch_size, mechanism._alignments_size = tf.shape(memory.mask)[0], tf.shape(memory.mask)[1]
    mechanism.probability_fn = masked_probability
    mechanism._memory_initialized = True
    try:
        yield
    finally:
        mechanism.keys = mechanism.values = mechanism.batch_size = None
        mechanism.probability_fn = unmasked_probability
        mechanism._memory_initialized = False


def scaled_keys(mechanism: tfa.seq2seq.LuongAttention, memory: Memory) -> tf.Tensor:
    """``[B, S, K]``: Luong's keys with the learned scale of the scores multiplied in."""
    return memory.keys if mechanism.scale_weight is None else memory.keys * mechanism.scale_weight
