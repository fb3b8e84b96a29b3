"""Attention mechanisms of TensorFlow Addons and ours, with the memory as an argument.

TFA's mechanisms keep the memory they attend to in attributes. Here it travels as a value (``Memory``) and is bound to
the mechanism only for the extent of a ``with`` block, so that nothing outlives the graph it belongs to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Callable, NamedTuple

import tensorflow as tf

from seq2seq.layers.addons import tfa
from seq2seq.layers.location_attention import (
    LocationAttention,
    additive_scores,
    convolution_matrix,
    scoring_vector,
)
from seq2seq.layers.steps_over_time import Product

KINDS = ("luong", "bahdanau", "luong_monotonic", "bahdanau_monotonic", "location")


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
    kind: str, *, units: int, scaled: bool, memory_depth: int, query_depth: int, **location: Any
) -> tfa.seq2seq.AttentionMechanism:
    """A TFA attention mechanism with its weights made.

    Args:
      kind: ``luong`` (Luong et al. 2015, general), ``bahdanau`` (Bahdanau et al. 2015), their monotonic forms
        (Raffel et al. 2017), in expectation ("parallel" mode), or ``location`` (Chorowski et al. 2015).
      units: depth of the keys; for Luong it must equal ``query_depth``, since the query is used as it is.
      scaled: Luong: a learned scale of the scores; Bahdanau, location: weight normalisation (Salimans & Kingma
        2016).
      memory_depth, query_depth: depth of the encoder's outputs and of the decoder's cell output.
      location: ``filters``, ``width``, ``smoothing``, ``window`` of ``LocationAttention``, for that kind alone.
    """
    if location and kind != "location":
        raise ValueError(f"attention kind {kind!r} has no {', '.join(location)}")
    if kind == "location":
        mechanism = LocationAttention(units, normalize=scaled, name="attention_mechanism", **location)
    elif kind == "luong":
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


def scaled_keys(mechanism: tfa.seq2seq.AttentionMechanism, memory: Memory) -> tf.Tensor:
    """``[B, S, K]``: Luong's keys with the learned scale of the scores multiplied in."""
    monotonic = isinstance(mechanism, tfa.seq2seq.LuongMonotonicAttention)
    scale = mechanism.attention_g if monotonic else mechanism.scale_weight
    return memory.keys if scale is None else memory.keys * scale


class Alignment(NamedTuple):
    """How a mechanism finds where to look, as a function of tensors for ``steps_over_time``.

    Attributes:
      align: ``(product, query [B, Q], previous alignments [B, S], shared)`` → alignments ``[B, S]``.
      shared, kernels: the arguments of that name, this part of them.
    """

    align: Callable[[Product, tf.Tensor, tf.Tensor, dict[str, tf.Tensor]], tf.Tensor]
    shared: dict[str, tf.Tensor]
    kernels: dict[str, tf.Tensor]


def alignment(mechanism: tfa.seq2seq.AttentionMechanism, memory: Memory) -> Alignment:
    """What calling ``mechanism``, bound to ``memory``, does, with what all steps share computed once."""
    shared: dict[str, tf.Tensor] = {}
    kernels: dict[str, tf.Tensor] = {}
    bias = getattr(mechanism, "attention_score_bias", None)  # the monotonic kinds'
    if bias is not None:
        shared["score_bias"] = tf.convert_to_tensor(bias)
    if mechanism.query_layer is None:  # Luong's: a product of query and keys
        kernels["keys"] = tf.transpose(scaled_keys(mechanism, memory), [0, 2, 1])  # [B, Q, S]
    else:
        kernels["query"] = tf.convert_to_tensor(mechanism.query_layer.kernel)
        added = mechanism.attention_b
        shared["keys"] = memory.keys if added is None else memory.keys + added
        shared["v"] = scoring_vector(mechanism)
    if isinstance(mechanism, LocationAttention):
        kernels["location"] = convolution_matrix(mechanism.location_filters, tf.shape(memory.mask)[1])
        shared["location"] = tf.convert_to_tensor(mechanism.location_kernel)

    def align(
        product: Product, query: tf.Tensor, previous: tf.Tensor, shared: dict[str, tf.Tensor]
    ) -> tf.Tensor:
        if "keys" in kernels:
            score = product("keys", query)
        elif "location" in kernels:
            features = tf.reshape(
                product("location", previous), [*tf.unstack(tf.shape(previous)), mechanism.filters]
            )
            score = additive_scores(
                shared["keys"], product("query", query), shared["v"], features, shared["location"]
            )
        else:
            score = additive_scores(shared["keys"], product("query", query), shared["v"])
        score = score + shared["score_bias"] if "score_bias" in shared else score
        masked = tf.where(memory.mask, score, score.dtype.min)
        return mechanism.default_probability_fn(masked, previous)

    return Alignment(align, shared, kernels)
