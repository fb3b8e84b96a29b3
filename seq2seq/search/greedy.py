"""Greedy search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from seq2seq.search.candidates import best_candidates
from seq2seq.search.loop import SearchOptions, search
from seq2seq.search.types import Nest, Scorer, SearchResult, SpecialIds, StepFunction


def greedy_search(
    step: StepFunction,
    *,
    state: Nest,
    memory: Nest,
    special_ids: SpecialIds,
    max_length: tf.Tensor,
    min_length: int | tf.Tensor = 0,
    scorers: Sequence[Scorer] = (),
    model_weight: float = 1.0,
    static_steps: int | None = None,
    return_alignments: bool = False,
) -> SearchResult:
    """The likeliest token at each step, until it is the end: K = 1, and ``scores`` equal ``log_probs``.

    This is a beam of one, which is over as soon as its first candidate ends: the second, of the same length, cannot
    score more. Arguments as for :func:`seq2seq.search.beam_search`.
    """
    options = SearchOptions(
        width=1,
        max_length=max_length,
        min_length=min_length,
        model_weight=model_weight,
        static_steps=static_steps,
        return_alignments=return_alignments,
    )
    parts: dict[str, Any] = dict(state=state, memory=memory, special_ids=special_ids, scorers=scorers)
    return search(step, best_candidates, options, **parts)
