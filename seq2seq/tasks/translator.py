"""Text in, text out: a model with its tokenizers and a search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.config.schema import SearchConfig
from seq2seq.datasets.batch import Batch
from seq2seq.datasets.batch_maker import BatchMaker
from seq2seq.datasets.batch_plan import evaluation_plan
from seq2seq.datasets.in_order import predict_index, predict_lines
from seq2seq.datasets.pair_index import PairIndex
from seq2seq.models.translation import TranslationModel
from seq2seq.search import SearchResult, SpecialIds, beam_search, greedy_search, relative_length
from seq2seq.text.tokenizer import Tokenizer


class Prediction(NamedTuple):
    """What became of one source.

    Attributes:
      texts: the best translations, best first.
      scores: one per text, the search's penalised log-probability.
      pieces: the tokens of the best text.
      source_pieces: the tokens of the source.
      alignment: ``[T, S]`` float32, how much each token attended to each source token; None unless asked for.
    """

    texts: list[str]
    scores: list[float]
    pieces: list[str]
    source_pieces: list[str]
    alignment: np.ndarray | None


class Translator:
    """Translates with a trained model; one graph serves every batch.

    Args:
      model: with its weights.
      source_tokenizer, target_tokenizer: those it was trained with.
      search: how to search.
      max_source_length: sources are cut there, in tokens; 0: nowhere.
      alignments: whether predictions carry their alignment.
    """

    def __init__(
        self,
        model: TranslationModel,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        search: SearchConfig,
        *,
        max_source_length: int = 0,
        alignments: bool = False,
    ) -> None:
        self.model = model
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.search = search
        self.max_source_length = max_source_length
        self.alignments = alignments
        self._graph = tf.function(
            self.find,
            input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)],
        )

    def find(self, source_ids: tf.Tensor, source_length: tf.Tensor) -> SearchResult:
        """The search as part of a graph: source_ids ``[B, S]`` int32, source_length ``[B]`` int32, from 1 to S."""
        state, memory = self.model.start(self.model.encode(source_ids, source_length))
        options = self.search
        max_length = relative_length(source_length, options.max_length_ratio, options.max_length_offset)
        common = dict(
            state=state,
            memory=memory,
            special_ids=SpecialIds(
                self.target_tokenizer.start_id, self.target_tokenizer.end_id, self.target_tokenizer.pad_id
            ),
            max_length=tf.maximum(max_length, 1),
            min_length=relative_length(source_length, options.min_length_ratio),
            return_alignments=self.alignments,
        )
        if options.name == "greedy":
            return greedy_search(self.model.step, **common)
        return beam_search(
            self.model.step,
            beam_width=options.beam_width,
            length_penalty=options.length_penalty,
            coverage_penalty=options.coverage_penalty,
            memory_mask=memory.mask,
            **common,
        )

    def translate_batch(self, batch: Batch) -> list[Prediction]:
        """Translates the sources of a batch, in its order."""
        result = self._graph(batch.source_ids, batch.source_length)
        ids, lengths, scores = result.ids.numpy(), result.lengths.numpy(), result.scores.numpy()
        predictions = []
        for b, source_length in enumerate(np.asarray(batch.source_length)):
            found = scores[b] > np.finfo(np.float32).min  # a tiny vocabulary may have fewer than K hypotheses
            kept = min(self.search.n_best, max(1, int(found.sum())))
            rows = [ids[b, k, : lengths[b, k]].tolist() for k in range(kept)]
            alignment = None
            if self.alignments:
                alignment = result.alignments[b, 0, : lengths[b, 0], :source_length].numpy()
            predictions.append(
                Prediction(
                    texts=self.target_tokenizer.decode(rows),
                    scores=scores[b, :kept].tolist(),
                    pieces=self.target_tokenizer.pieces(rows[0]),
                    source_pieces=self.source_tokenizer.pieces(batch.source_ids[b, :source_length].tolist()),
                    alignment=alignment,
                )
            )
        return predictions

    def translate(self, lines: Iterable[str]) -> Iterator[Prediction]:
        """Translates any number of lines; the predictions come in the order of the lines."""
        return predict_lines(
            lines,
            self.translate_batch,
            source_tokenizer=self.source_tokenizer,
            target_tokenizer=self.target_tokenizer,
            max_source_length=self.max_source_length,
            batch_type="examples",
            batch_size=self.search.batch_size,
        )

    def translate_index(self, index: PairIndex, rows: Sequence[int] | None = None) -> list[Prediction]:
        """Translates the sources of an index, or the given rows of it; the predictions come in that order."""
        chosen = np.arange(len(index)) if rows is None else np.asarray(rows)
        maker = BatchMaker(index, self.source_tokenizer, self.target_tokenizer)
        plan = evaluation_plan(
            index.source.lengths[chosen],
            np.zeros(len(chosen), np.int32),
            batch_type="examples",
            batch_size=self.search.batch_size,
        )
        return predict_index(lambda positions: maker(chosen[positions]), plan, self.translate_batch)
