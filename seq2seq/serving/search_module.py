"""What the exports of tasks share whose outputs are searched for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, NamedTuple

import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.errors import UserError
from seq2seq.search import SearchResult
from seq2seq.serving.graph_checks import checked_hypotheses, checked_options
from seq2seq.serving.graph_detokenizer import GraphDetokenizer
from seq2seq.serving.serving_module import Outputs, ServingModule, keep, named_inputs
from seq2seq.serving.stored_weights import StoredWeights

Options = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
"""Beam width, length penalty and maximum length, scalars."""

OPTION_SPECS = (
    tf.TensorSpec([], tf.int32, "beam_width"),
    tf.TensorSpec([], tf.float32, "length_penalty"),
    tf.TensorSpec([], tf.int32, "max_length"),
)


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


class SearchModule(ServingModule):
    """See ``ServingModule``. Options of the search may be left out: what is loaded has
    ``loaded.translate_with_options(text, beam_width=8)``.

    Args:
      weights: of the model.
      detokenizer: of the target.
      search: the search's own.
      limits: see ``ServingModule``.

    Attributes:
      defaults: of the options.
    """

    def __init__(
        self,
        weights: StoredWeights,
        detokenizer: GraphDetokenizer,
        search: SearchConfig,
        limits: ExportConfig,
    ) -> None:
        super().__init__(weights, limits)
        self.defaults = SearchDefaults.of(search, limits)
        self._search = search
        self._detokenize = tf.function(
            detokenizer,
            input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)],
            autograph=False,
        )

    def about_search(self) -> dict[str, Any]:
        search = self._search
        return {
            "name": str(search.name),
            **self.defaults._asdict(),
            "length_penalty_function": str(search.length_penalty_function),
            "stop_early": search.stop_early,
            "scorers": dict(zip(search.scorers, search.scorer_weights or [1.0] * len(search.scorers)))
            or None,
            "coverage_penalty": search.coverage_penalty,
            "max_length_ratio": search.max_length_ratio,
            "max_length_offset": search.max_length_offset,
            "min_length_ratio": search.min_length_ratio,
        }

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

        self.add(name, named_inputs(plain, name, signature), *signature)
        if options:
            name, signature = f"{name}_with_options", (*signature, *OPTION_SPECS)
            self.add(name, named_inputs(with_options, name, signature, self.default_options), *signature)

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
