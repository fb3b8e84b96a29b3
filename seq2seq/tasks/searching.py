"""The search that a configuration asks for, over anything that writes token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    Scorer,
    ScorerInputs,
    SearchResult,
    SpecialIds,
    average_length_penalty,
    beam_search,
    gnmt_length_penalty,
    greedy_search,
    relative_length,
    sample,
)
from seq2seq.text.tokenizer import Tokenizer


def special_ids(tokenizer: Tokenizer) -> SpecialIds:
    """What begins, ends and fills up a target."""
    return SpecialIds(tokenizer.start_id, tokenizer.end_id, tokenizer.pad_id)


class Searchable(Protocol):
    """What writes a target token by token, such as an ``EncoderDecoder``."""

    @property
    def masking(self) -> MaskingPolicy: ...

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
    scorers: Sequence[Scorer] = (),
    model_weight: float = 1.0,
    language_model: LanguageModel | None = None,
    alignments: bool = False,
) -> SearchResult:
    """The search that is asked for, as part of a graph; of fixed shapes where the model's are (``masking=static``).

    Args:
      model, encoded: the sources of a batch.
      source_length: ``[B]`` int32, that the limits of the targets' lengths are relative to.
      tokenizer: of the targets.
      options: of the search, its scorers among them.
      scorers: the task's own.
      language_model: to be fused, with the weight that the options have.
      model_weight, alignments: see ``beam_search``.
    """
    state, memory = model.start(encoded)
    limits = options.max_length_ratio, options.max_length_offset
    static_steps, time = None, encoded.memory.shape[1]
    if model.masking is MaskingPolicy.STATIC and time is not None:
        with tf.init_scope():  # a number while the graph is made
            static_steps = max(1, relative_length(time, *limits).numpy())
    common: dict[str, Any] = dict(
        state=state,
        memory=memory,
        special_ids=special_ids(tokenizer),
        max_length=tf.maximum(relative_length(source_length, *limits), 1),
        min_length=relative_length(source_length, options.min_length_ratio),
        scorers=[*scorers, *_scorers(options, encoded, tokenizer, language_model)],
        model_weight=model_weight,
        static_steps=static_steps,
        return_alignments=alignments,
    )
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
    gnmt = options.length_penalty_function == LengthPenaltyFunction.gnmt
    return beam_search(
        model.step,
        beam_width=options.beam_width,
        length_penalty=options.length_penalty,
        length_penalty_function=gnmt_length_penalty if gnmt else average_length_penalty,
        stop_early=options.stop_early,
        coverage_penalty=options.coverage_penalty,
        memory_mask=memory.mask,
        **common,
    )


def _scorers(
    options: SearchConfig, encoded: EncoderOutput, tokenizer: Tokenizer, language_model: LanguageModel | None
) -> Iterator[Scorer]:
    if language_model is not None and options.language_model_weight:
        batch_size = tf.shape(encoded.memory_length)[0]
        yield LanguageModelScorer(language_model, batch_size, options.language_model_weight)
    weights = options.scorer_weights or [1.0] * len(options.scorers)
    for name, weight in zip(options.scorers, weights):
        yield SCORERS[name](ScorerInputs(encoded, tokenizer, weight))


def hypotheses(result: SearchResult, n_best: int) -> Iterator[tuple[list[list[int]], list[float]]]:
    """For each source, the ids and scores of its best targets: ``n_best``, or as many as a tiny vocabulary has."""
    for ids, lengths, scores in zip(result.ids.numpy(), result.lengths.numpy(), result.scores.numpy()):
        kept = min(n_best, max(1, int((scores > np.finfo(np.float32).min).sum())))
        yield [row[:length].tolist() for row, length in zip(ids[:kept], lengths)], scores[:kept].tolist()
