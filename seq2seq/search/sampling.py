"""Sampling."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from seq2seq.search.candidates import sampled_candidates
from seq2seq.search.loop import SearchOptions, search
from seq2seq.search.types import Nest, Scorer, SearchResult, SpecialIds, StepFunction


def sample(
    step: StepFunction,
    *,
    state: Nest,
    memory: Nest,
    special_ids: SpecialIds,
    max_length: tf.Tensor,
    seed: tf.Tensor,
    num_samples: int = 1,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_length: int | tf.Tensor = 0,
    scorers: Sequence[Scorer] = (),
    model_weight: float = 1.0,
    static_steps: int | None = None,
    return_alignments: bool = False,
) -> SearchResult:
    """``num_samples`` hypotheses of each sentence, drawn token by token and sorted by log-probability.

    Log-probabilities are the model's (and scorers'), whatever temperature and cuts the draws were made with.
    The same seed gives the same draws for a sentence in the same place of the batch, whoever else is in it.

    Args:
      seed: [2] int32.
      num_samples: K.
      temperature: positive; below 1 prefers likely tokens, above 1 evens out.
      top_k: draw from the ``top_k`` likeliest tokens only (top-k); 0: from all.
      top_p: draw from the fewest tokens whose probabilities reach this sum only (top-p), in (0, 1]; 1:
        from all.
      Others as for :func:`seq2seq.search.beam_search`.

    Raises:
      ValueError: values out of range.
    """
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, not {num_samples}")
    if temperature <= 0.0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    if top_k < 0:
        raise ValueError(f"top_k must not be negative, not {top_k}")
    if not 0.0 < top_p <= 1.0:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}")
    select = functools.partial(
        sampled_candidates,
        seed=tf.convert_to_tensor(seed, tf.int32),
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    options = SearchOptions(
        width=num_samples,
        max_length=max_length,
        min_length=min_length,
        independent=True,
        model_weight=model_weight,
        static_steps=static_steps,
        return_alignments=return_alignments,
    )
    parts: dict[str, Any] = dict(state=state, memory=memory, special_ids=special_ids, scorers=scorers)
    return search(step, select, options, **parts)
