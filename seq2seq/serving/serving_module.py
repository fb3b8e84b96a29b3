"""What the exports of all tasks share."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Callable

import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.layers.custom_gradients import forward_only
from seq2seq.serving.stored_weights import StoredWeights

Outputs = dict[str, tf.Tensor]

LENGTHS = tf.TensorSpec([None], tf.int32, "lengths")


ABOUT = {
    "lengths": "how much of each row is real",
    "beam_width": "hypotheses that are followed and returned",
    "length_penalty": "exponent: 0 ranks by log-probability, 1 by its average over tokens",
    "max_length": "of an answer, in tokens; 0: as the run has it, relative to the source",
    "n_best": "texts, best first",
    "scores": "of n_best: penalised log-probabilities",
    "memory": "the encoder's outputs",
    "memory_length": "how many of them are real",
    "h": "the encoder's final outputs, a row of each layer",
    "c": "the encoder's final cells, a row of each layer",
}
ABOUT_OUTPUTS = {
    "text": "the best text",
    "ids": "token ids, best first, padded",
    "lengths": "how many are real",
}


class ServingModule(tf.Module):
    """The root of a SavedModel.

    Every signature is an attribute of its name, too.

    Args:
      weights: of the model.
      limits: the ``max_…`` of them: what a request may ask for.

    Attributes:
      names: what the inputs and outputs are that this task alone has.
      functions: the signatures by name, ``serving_default`` among them.
    """

    names: Mapping[str, str] = MappingProxyType({})

    def __init__(self, weights: StoredWeights, limits: ExportConfig) -> None:
        super().__init__(name="seq2seq")
        self.variables_kept = weights.variables
        self.limits = limits
        self.functions: dict[str, Callable[..., Outputs]] = {}
        self._weights = weights

    def about_search(self) -> dict[str, Any]:
        """What the manifest says of the search; nothing of a task without one."""
        return {}

    @property
    def default_signature(self) -> str:
        """The name that ``serving_default`` has besides."""
        default = self.functions["serving_default"]
        return next(name for name, function in self.functions.items() if function is default)

    def about(self, name: str, *, output: bool) -> str:
        """What an input or an output is, by its name; empty where nothing is said of it."""
        known = {**ABOUT, **self.names, **(ABOUT_OUTPUTS if output else {})}
        return known.get(name, "")

    def graph(self, function: Callable[..., Any], *signature: tf.TensorSpec) -> Callable[..., Any]:
        """A part of the graph that signatures share; it computes with the weights as they are kept."""

        def run(*inputs: tf.Tensor) -> Any:
            with self._weights.in_use(), forward_only():
                return function(*inputs)

        return tf.function(run, input_signature=signature, autograph=False)

    def add(self, name: str, function: Callable[..., Outputs], *signature: tf.TensorSpec) -> None:
        """A signature without options."""
        self.functions[name] = tf.function(function, input_signature=signature, autograph=False)
        setattr(self, name, self.functions[name])

    def add_made_of(self, name: str, known: str, change: Callable[[Outputs], Outputs]) -> None:
        """A signature with the inputs of another, whose outputs are made of that one's."""
        function: Any = self.functions[known]
        signature = function.input_signature

        def changed(*inputs: tf.Tensor) -> Outputs:
            return change(function(*inputs))

        self.add(name, named_inputs(changed, name, signature), *signature)


def named_inputs(
    function: Callable[..., Outputs],
    name: str,
    signature: Sequence[tf.TensorSpec],
    defaults: Sequence[tf.Tensor] = (),
) -> Callable[..., Outputs]:
    """The function with names for its inputs, and defaults for the last: a SavedModel takes its own from there."""
    needed = len(signature) - len(defaults)
    function.__name__ = name
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(spec.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
            for spec, default in zip(signature, [inspect.Parameter.empty] * needed + list(defaults))
        ]
    )
    return function


def at_least_one_row(
    values: tf.Tensor, lengths: tf.Tensor, filler: int | float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Values ``[B, T, …]`` and lengths ``[B]`` as models want them: B, T and every length at least 1.

    A row that was empty begins with ``filler``; padding stays what it is, which is 0 where ``filler`` is.
    """
    missing = tf.maximum(1 - tf.shape(values)[:2], 0)
    inner = [[0, 0]] * (values.shape.rank - 2)
    values = tf.pad(values, [[0, missing[0]], [0, missing[1]], *inner])
    lengths = tf.pad(lengths, [[0, missing[0]]])
    if filler == 0:
        return values, tf.maximum(lengths, 1)
    filled = (lengths == 0)[:, tf.newaxis] & (tf.range(tf.shape(values)[1]) == 0)
    filled = tf.reshape(filled, tf.concat([tf.shape(filled), [1] * (values.shape.rank - 2)], 0))
    return tf.where(filled, tf.cast(filler, values.dtype), values), tf.maximum(lengths, 1)


def keep(values: tf.Tensor, exists: tf.Tensor) -> tf.Tensor:
    """The first B rows of values, with zeros and empty strings where not ``exists`` ``[B]``."""
    values = values[: tf.size(exists)]
    shape = tf.concat([tf.shape(exists), tf.ones([values.shape.rank - 1], tf.int32)], 0)
    return tf.where(tf.reshape(exists, shape), values, tf.zeros([], values.dtype))


def encoded_outputs(encoded: EncoderOutput, exists: tf.Tensor) -> Outputs:
    """``memory`` ``[B, S, D]``, ``memory_length`` ``[B]``, and ``h`` and ``c`` ``[B, L, D]``, a row of each layer."""
    outputs = {
        "memory": encoded.memory,
        "memory_length": encoded.memory_length,
        "h": tf.stack([state.h for state in encoded.states], axis=1),
        "c": tf.stack([state.c for state in encoded.states], axis=1),
    }
    return {name: keep(values, exists) for name, values in outputs.items()}
