"""Sampling."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import tensorflow as tf

from seq2seq.search.candidates import sampled_candidates
from seq2seq.search.loop import search
from seq2seq.search.types import Nest, Scorer, SearchResult, SpecialIds, StepFunction


def sample(
    step: StepFunction,
    *,
    state: Nest,
    memory: Nest,
    special_ids: SpecialIds,
    max_length: tf.Tensor,
    seed: tf.Tensor,
    sample_count: int = 1,
    temperature: float = 1.0,
    keep_count: int = 0,
    keep_mass: float = 1.0,
    min_length: int | tf.Tensor = 0,
    scorers: Sequence[Scorer] = (),
    static_steps: int | None = None,
    return_alignments: bool = False,
) -> SearchResult:
    """``sample_count`` hypotheses of each sentence, drawn token by token and sorted by log-probability.

    Log-probabilities are the model's (and scorers'), whatever temperature and cuts the draws were made with.
    The same seed gives the same draws for a sentence in the same place of the batch, whoever else is in it.

    Args:
      seed: [2] int32.
      sample_count: K.
      temperature: positive; below 1 prefers likely tokens, above 1 evens out.
      keep_count: draw from the ``keep_count`` likeliest tokens only (top-k); 0: from all.
      keep_mass: draw from the fewest tokens whose probabilities reach this sum only (top-p), in (0, 1]; 1:
        from all.
      Others as for :func:`seq2seq.search.beam_search`.

    Raises:
      ValueError: values out of range.
    """
    if sample_count < 1:
        raise ValueError(f"sample_count must be at least 1, not {sample_count}")
    if temperature <= 0.0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    if keep_count < 0:
        raise ValueError(f"keep_count must not be negative, not {keep_count}")
    if not 0.0 < keep_mass <= 1.0:
        raise ValueError(f"keep_mass must be above 0 and at most 1, not {keep_mass}")
    choose = functools.partial(
        sampled_candidates,
        seed=tf.convert_to_tensor(seed, tf.int32),
        temperature=temperature,
        keep_count=keep_count,
        keep_mass=keep_mass,
    )
    return search(
        step,
        choose,
        state=state,
        memory=memory,
        special_ids=special_ids,
        width=sample_count,
        independent=True,
        max_length=max_length,
        min_length=min_length,
        scorers=scorers,
        static_steps=static_steps,
        return_alignments=return_alignments,
    )
