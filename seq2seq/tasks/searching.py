"""The search that a configuration asks for, over any encoder-decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.search import SearchConfig
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.masking import MaskingPolicy
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.search import Scorer, SearchResult, SpecialIds, beam_search, greedy_search, relative_length
from seq2seq.text.tokenizer import Tokenizer


def special_ids(tokenizer: Tokenizer) -> SpecialIds:
    """What begins, ends and fills up a target."""
    return SpecialIds(tokenizer.start_id, tokenizer.end_id, tokenizer.pad_id)


def search_targets(
    model: EncoderDecoder,
    encoded: EncoderOutput,
    source_length: tf.Tensor,
    tokenizer: Tokenizer,
    options: SearchConfig,
    *,
    scorers: Sequence[Scorer] = (),
    model_weight: float = 1.0,
    alignments: bool = False,
) -> SearchResult:
    """Greedy or beam search, as part of a graph; of fixed shapes where the model's are (``masking=static``).

    Args:
      model, encoded: the sources of a batch.
      source_length: ``[B]`` int32, that the limits of the targets' lengths are relative to.
      tokenizer: of the targets.
      options: of the search.
      scorers, model_weight, alignments: see ``beam_search``.
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
        scorers=scorers,
        model_weight=model_weight,
        static_steps=static_steps,
        return_alignments=alignments,
    )
    if options.name == "greedy":
        return greedy_search(model.step, **common)
    return beam_search(
        model.step,
        beam_width=options.beam_width,
        length_penalty=options.length_penalty,
        coverage_penalty=options.coverage_penalty,
        memory_mask=memory.mask,
        **common,
    )


def hypotheses(result: SearchResult, n_best: int) -> Iterator[tuple[list[list[int]], list[float]]]:
    """For each source, the ids and scores of its best targets: ``n_best``, or as many as a tiny vocabulary has."""
    for ids, lengths, scores in zip(result.ids.numpy(), result.lengths.numpy(), result.scores.numpy()):
        kept = min(n_best, max(1, int((scores > np.finfo(np.float32).min).sum())))
        yield [row[:length].tolist() for row, length in zip(ids[:kept], lengths)], scores[:kept].tolist()
