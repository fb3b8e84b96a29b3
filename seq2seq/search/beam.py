"""Beam search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from seq2seq.search.candidates import best_candidates
from seq2seq.search.loop import SearchOptions, search
from seq2seq.search.penalties import LengthPenalty, average_length_penalty
from seq2seq.search.types import Nest, Scorer, SearchResult, SpecialIds, StepFunction


def beam_search(
    step: StepFunction,
    *,
    state: Nest,
    memory: Nest,
    special_ids: SpecialIds,
    max_length: tf.Tensor,
    beam_width: int | tf.Tensor,
    min_length: int | tf.Tensor = 0,
    length_penalty: float | tf.Tensor = 1.0,
    length_penalty_function: LengthPenalty = average_length_penalty,
    coverage_penalty: float = 0.0,
    memory_mask: tf.Tensor | None = None,
    scorers: Sequence[Scorer] = (),
    model_weight: float = 1.0,
    stop_early: bool = True,
    static_steps: int | None = None,
    return_alignments: bool = False,
) -> SearchResult:
    """The K = ``beam_width`` best hypotheses of each sentence, as far as a beam finds them.

    At each step the K hypotheses alive are extended by every token. Of the extensions, sorted by summed
    log-probability, the ends among the first K go to the finished ones, of which the K best by *score* are
    kept:

        score = log_prob / length_penalty_function(length, length_penalty) + coverage

    (length counts the end), and the K best that are not ends are extended next. A sentence is over at its
    ``max_length``, where unfinished hypotheses compete as they are, or when ``stop_early`` allows. What is
    found for a sentence does not depend on the others in the batch.

    Args:
      step: the model; see :data:`StepFunction`.
      state, memory: nests of [B, …] tensors.
      special_ids: see :class:`SpecialIds`.
      max_length: [B] int32, at least 1: tokens that may be chosen, the end among them (see
        :func:`relative_length`).
      min_length: int or [B] int32: tokens there must be before the end.
      beam_width: K, at least 1; a number, or a scalar tensor where one graph serves all widths.
      length_penalty: at least 0, a number or a scalar tensor; 0 ranks by the sum of log-probabilities, 1 by their
        average.
      length_penalty_function: :func:`average_length_penalty` or :func:`gnmt_length_penalty`.
      coverage_penalty: beta of :func:`seq2seq.search.penalties.coverage_penalty`; 0 for none.
      memory_mask: [B, S] bool, needed by the coverage penalty.
      scorers: what adds to the model's log-probabilities.
      model_weight: what these are multiplied by, at least 0.
      stop_early: a sentence is over when K hypotheses have finished and none alive, ended right now, would
        score more than the worst of them. Otherwise only when none could score more by growing up to
        ``max_length`` at no cost: exact, the same without length penalty, and with one about as slow as
        having no other end than ``max_length``.
      static_steps: T, so that no shape depends on what is found, as XLA needs it: at least the largest ``max_length``;
        finished sentences stay in the batch.
      return_alignments: costs [B, K, T, S] float32.

    Raises:
      ValueError: a coverage penalty without ``memory_mask``, alignments asked of a step that has none, values
        out of range (tensors are the caller's to check).
    """
    if not tf.is_tensor(beam_width) and beam_width < 1:
        raise ValueError(f"beam_width must be at least 1, not {beam_width}")
    if model_weight < 0.0:
        raise ValueError(f"model_weight must not be negative, not {model_weight}")
    if (not tf.is_tensor(length_penalty) and length_penalty < 0.0) or coverage_penalty < 0.0:
        raise ValueError(
            f"penalties must not be negative: length {length_penalty}, coverage {coverage_penalty}"
        )
    options = SearchOptions(
        width=beam_width,
        max_length=max_length,
        min_length=min_length,
        length_penalty=length_penalty,
        length_penalty_function=length_penalty_function,
        coverage_penalty=coverage_penalty,
        memory_mask=memory_mask,
        model_weight=model_weight,
        stop_early=stop_early,
        static_steps=static_steps,
        return_alignments=return_alignments,
    )
    parts: dict[str, Any] = dict(state=state, memory=memory, special_ids=special_ids, scorers=scorers)
    return search(step, best_candidates, options, **parts)
