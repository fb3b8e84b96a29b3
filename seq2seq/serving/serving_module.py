"""What the exports of all tasks share."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Callable, NamedTuple

import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.errors import UserError
from seq2seq.layers.custom_gradients import forward_only
from seq2seq.search import SearchResult
from seq2seq.serving.graph_checks import checked_hypotheses, checked_options
from seq2seq.serving.graph_detokenizer import GraphDetokenizer
from seq2seq.serving.stored_weights import StoredWeights

Outputs = dict[str, tf.Tensor]
Options = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
"""Beam width, length penalty and maximum length, scalars."""

OPTION_SPECS = (
    tf.TensorSpec([], tf.int32, "beam_width"),
    tf.TensorSpec([], tf.float32, "length_penalty"),
    tf.TensorSpec([], tf.int32, "max_length"),
)

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


class SearchDefaults(NamedTuple):
    """What a search does that is not told otherwise.

    Attributes:
      beam_width: K.
      length_penalty: of a greedy run 0, so that scores are log-probabilities, as greedy search's are.
      max_length: 0: as the run has it, relative to the length of the source.
    """

    beam_width: int
    length_penalty: float
    max_length: int = 0

    @classmethod
    def of(cls, config: SearchConfig, limits: ExportConfig) -> SearchDefaults:
        """
        Raises:
          UserError: a beam that is wider than any that may be asked for; a search by chance.
        """
        if config.name is SearchName.sampling:
            raise UserError(
                "search.name=sampling: an export answers the same request with the same text; write search=greedy or"
                " search=beam."
            )
        if config.name is SearchName.greedy:
            return cls(1, 0.0)
        for name in ("max_beam_width", "max_hypotheses"):
            if config.beam_width > getattr(limits, name):
                raise UserError(
                    f"search.beam_width={config.beam_width}: an export follows at most"
                    f" export.{name}={getattr(limits, name)} hypotheses."
                )
        return cls(config.beam_width, config.length_penalty)


class ServingModule(tf.Module):
    """The root of a SavedModel.

    Every signature is an attribute of its name, too: what is loaded has ``loaded.translate_with_options(text,
    beam_width=8)``, whose options may be left out.

    Args:
      weights: of the model.
      detokenizer: of the target.
      search: the search's own.
      limits: the ``max_…`` of them: what a request may ask for.

    Attributes:
      names: what the inputs and outputs are that this task alone has.
      defaults: of the options.
      functions: the signatures by name, ``serving_default`` among them.
    """

    names: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        weights: StoredWeights,
        detokenizer: GraphDetokenizer,
        search: SearchConfig,
        limits: ExportConfig,
    ) -> None:
        super().__init__(name="seq2seq")
        self.variables_kept = weights.variables
        self.defaults = SearchDefaults.of(search, limits)
        self.limits = limits
        self.functions: dict[str, Callable[..., Outputs]] = {}
        self._weights = weights
        self._search = search
        self._detokenize = tf.function(
            detokenizer,
            input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)],
            autograph=False,
        )

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

    def add_search(
        self,
        name: str,
        function: Callable[..., Outputs],
        *signature: tf.TensorSpec,
        options: bool = True,
    ) -> None:
        """A signature that searches as the run does, and one that takes options.

        Args:
          function: ``(options, *inputs) → outputs``; the options are checked, or None: to search as the run does.
          options: whether there are any.
        """

        limits, what = self.limits, str(signature[0].name)

        def plain(first: tf.Tensor, *others: tf.Tensor) -> Outputs:
            width = self.defaults.beam_width
            return function(None, checked_hypotheses(first, what, width, limits.max_hypotheses), *others)

        def with_options(first: tf.Tensor, *others: tf.Tensor) -> Outputs:
            options = checked_options(
                *others[-3:], max_beam_width=limits.max_beam_width, max_tokens=limits.max_tokens
            )
            first = checked_hypotheses(first, what, options[0], limits.max_hypotheses)
            return function(options, first, *others[:-3])

        self.add(name, _named(plain, name, signature), *signature)
        if options:
            name, signature = f"{name}_with_options", (*signature, *OPTION_SPECS)
            self.add(name, _named(with_options, name, signature, self.default_options), *signature)

    def add_made_of(self, name: str, known: str, change: Callable[[Outputs], Outputs]) -> None:
        """A signature with the inputs of another, whose outputs are made of that one's."""
        function: Any = self.functions[known]
        signature = function.input_signature

        def changed(*inputs: tf.Tensor) -> Outputs:
            return change(function(*inputs))

        self.add(name, _named(changed, name, signature), *signature)

    @property
    def default_options(self) -> Options:
        width, penalty, length = (tf.constant(value) for value in self.defaults)
        return width, penalty, length

    def search_with(self, *options: tf.Tensor) -> SearchConfig:
        """The run's search, with options that are tensors if they are given.

        Without them beams have a width that the graph knows, which is faster.
        """
        if not options:
            return self._search
        width, penalty, length = options
        given = length > 0
        changed: dict[str, Any] = dict(
            name=SearchName.beam,
            beam_width=width,
            length_penalty=penalty,
            max_length_ratio=tf.where(given, 0.0, self._search.max_length_ratio),
            max_length_offset=tf.where(given, length, self._search.max_length_offset),
        )
        return replace(self._search, **changed)

    def texts(self, result: SearchResult, exists: tf.Tensor) -> Outputs:
        """``text`` ``[B]``, ``n_best`` and ``scores`` ``[B, K]`` of the first B rows; empty where not ``exists``."""
        rows, width, steps = tf.unstack(tf.shape(result.ids))
        flat = tf.reshape(result.ids, [rows * width, steps]), tf.reshape(result.lengths, [-1])
        n_best = keep(tf.reshape(self._detokenize(*flat), [rows, width]), exists)
        return {"text": n_best[:, 0], "n_best": n_best, "scores": keep(result.scores, exists)}


def _named(
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
