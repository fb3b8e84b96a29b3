"""The search that a configuration asks for, over anything that writes token by token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.search import LengthPenaltyFunction, SearchConfig, SearchName
from seq2seq.config.tables import SCORERS
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.masking import MaskingPolicy
from seq2seq.search import (
    LanguageModel,
    LanguageModelScorer,
    ScoreParts,
    Scorer,
    ScorerInputs,
    SearchResult,
    SpecialIds,
    StepScorer,
    average_length_penalty,
    beam_search,
    gnmt_length_penalty,
    greedy_search,
    relative_length,
    replay,
    sample,
    scored_tokens,
)
from seq2seq.search.penalties import LengthPenalty
from seq2seq.text.tokenizer import Tokenizer


def special_ids(tokenizer: Tokenizer) -> SpecialIds:
    """What begins, ends and fills up a target."""
    return SpecialIds(tokenizer.start_id, tokenizer.end_id, tokenizer.pad_id)


class Searchable(Protocol):
    """What writes a target token by token, such as an ``EncoderDecoder``."""

    @property
    def masking(self) -> MaskingPolicy: ...

    def by_member(self, encoded: EncoderOutput) -> Sequence[tuple[Searchable, EncoderOutput]]:
        """See ``EncoderDecoder.by_member``."""

    def start(self, encoded: EncoderOutput) -> tuple[Any, Any]:
        """State and memory that a search begins with; the memory has a ``mask`` ``[B, S]`` bool."""

    def step(self, ids: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor | None]:
        """See ``seq2seq.search.types.StepFunction``."""


def search_targets(
    model: Searchable,
    encoded: EncoderOutput,
    source_length: tf.Tensor,
    tokenizer: Tokenizer,
    options: SearchConfig,
    *,
    scorers: Mapping[str, Scorer] = MappingProxyType({}),
    model_weight: float = 1.0,
    language_model: LanguageModel | None = None,
    alignments: bool = False,
    parts: bool = False,
) -> SearchResult:
    """The search that is asked for, as part of a graph; of fixed shapes where the model's are (``masking=static``).

    Args:
      model, encoded: the sources of a batch.
      source_length: ``[B]`` int32, that the limits of the targets' lengths are relative to.
      tokenizer: of the targets.
      options: of the search, its scorers among them.
      scorers: the task's own, by their names.
      language_model: to be fused, with the weight that the options have.
      model_weight, alignments: see ``beam_search``.
      parts: whether the result says what its scores are made of.
    """
    state, memory = model.start(encoded)
    limits = options.max_length_ratio, options.max_length_offset
    static_steps, time = None, encoded.memory.shape[1]
    if model.masking is MaskingPolicy.STATIC and time is not None:
        with tf.init_scope():  # a number while the graph is made
            static_steps = max(1, relative_length(time, *limits).numpy())
    named = [*scorers.items(), *_scorers(options, encoded, tokenizer, language_model)]
    common: dict[str, Any] = dict(
        state=state,
        memory=memory,
        special_ids=special_ids(tokenizer),
        max_length=tf.maximum(relative_length(source_length, *limits), 1),
        min_length=relative_length(source_length, options.min_length_ratio),
        scorers=[scorer for _, scorer in named],
        model_weight=model_weight,
        static_steps=static_steps,
        return_alignments=alignments,
    )
    result = _found(model, options, common)
    if not parts:
        return result
    weighted = StepScorer(model.step, state, memory, model_weight)
    members = [StepScorer(each.step, *each.start(own)) for each, own in model.by_member(encoded)]
    return result._replace(
        parts=_parts(result, options, [("model", weighted), *named], members, common["max_length"], tokenizer)
    )


def _found(model: Searchable, options: SearchConfig, common: Mapping[str, Any]) -> SearchResult:
    if options.name == SearchName.greedy:
        return greedy_search(model.step, **common)
    if options.name == SearchName.sampling:
        return sample(
            model.step,
            seed=tf.constant([options.seed, 0]),
            num_samples=options.n_best,
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
            **common,
        )
    return beam_search(
        model.step,
        beam_width=options.beam_width,
        length_penalty=options.length_penalty,
        length_penalty_function=_length_penalty(options),
        stop_early=options.stop_early,
        coverage_penalty=options.coverage_penalty,
        memory_mask=common["memory"].mask,
        **common,
    )


def _length_penalty(options: SearchConfig) -> LengthPenalty:
    gnmt = options.length_penalty_function == LengthPenaltyFunction.gnmt
    return gnmt_length_penalty if gnmt else average_length_penalty


def _parts(
    result: SearchResult,
    options: SearchConfig,
    named: Sequence[tuple[str, Scorer]],
    members: Sequence[Scorer],
    max_length: tf.Tensor,
    tokenizer: Tokenizer,
) -> ScoreParts:
    """What the scores of a result are made of."""
    every = [*(scorer for _, scorer in named), *members]
    values = replay(every, result.ids, result.lengths, max_length, special_ids(tokenizer))
    summed: dict[str, tf.Tensor] = {}
    for (name, _), value in zip(named, values):
        summed[name] = summed[name] + value if name in summed else value
    penalty = tf.ones_like(result.scores)
    if options.name == SearchName.beam:
        count = tf.cast(scored_tokens(result.lengths, max_length), tf.float32)
        penalty = _length_penalty(options)(count, options.length_penalty)
    coverage = result.scores - result.log_probs / penalty
    return ScoreParts(summed, tuple(values[len(named) :]), penalty, coverage)


def _scorers(
    options: SearchConfig, encoded: EncoderOutput, tokenizer: Tokenizer, language_model: LanguageModel | None
) -> Iterator[tuple[str, Scorer]]:
    if language_model is not None and options.language_model_weight:
        batch_size = tf.shape(encoded.memory_length)[0]
        yield (
            "language_model",
            LanguageModelScorer(language_model, batch_size, options.language_model_weight),
        )
    weights = options.scorer_weights or [1.0] * len(options.scorers)
    for name, weight in zip(options.scorers, weights):
        yield name, SCORERS[name](ScorerInputs(encoded, tokenizer, weight))


NO_PARTS = MappingProxyType({"parts": {}, "length_penalty": 1.0, "coverage": 0.0})
"""Of the score 0 of a source without anything."""


def described_parts(parts: ScoreParts, row: int, count: int) -> list[dict[str, Any]]:
    """What the scores of the best ``count`` hypotheses of a source are made of, as plain numbers; nothing where that
    was not asked for."""
    if not parts:
        return []
    found = tf.nest.map_structure(lambda values: values[row, :count].numpy().tolist(), parts)
    described: list[dict[str, Any]] = []
    for k in range(count):
        one: dict[str, Any] = {"parts": {name: values[k] for name, values in found.summed.items()}}
        if found.members:
            one["members"] = [values[k] for values in found.members]
        described.append({**one, "length_penalty": found.length_penalty[k], "coverage": found.coverage[k]})
    return described


def hypotheses(result: SearchResult, n_best: int) -> Iterator[tuple[list[list[int]], list[float]]]:
    """For each source, the ids and scores of its best targets: ``n_best``, or as many as a tiny vocabulary has."""
    for ids, lengths, scores in zip(result.ids.numpy(), result.lengths.numpy(), result.scores.numpy()):
        kept = min(n_best, max(1, int((scores > np.finfo(np.float32).min).sum())))
        yield [row[:length].tolist() for row, length in zip(ids[:kept], lengths)], scores[:kept].tolist()
