"""Text in, text out: a model with its tokenizers and a search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.search import SearchConfig
from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.in_order import predict_index, predict_lines
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.datasets.batches.plan import evaluation_plan
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.errors import require_several
from seq2seq.search import LanguageModel, SearchResult
from seq2seq.tasks.searching import NO_PARTS, described_parts, hypotheses, search_targets
from seq2seq.tasks.translation.model import TranslationModel
from seq2seq.text.tokenizer import Tokenizer


class Prediction(NamedTuple):
    """What became of one source.

    Attributes:
      texts: the best translations, best first.
      scores: one per text, the search's penalised log-probability.
      pieces: the tokens of the best text.
      source_pieces: the tokens of the source.
      alignment: ``[T, S]`` float32, how much each token attended to each source token; None unless asked for.
      parts: of each text what its score is made of, see ``described_parts``; none unless asked for.
    """

    texts: list[str]
    scores: list[float]
    pieces: list[str]
    source_pieces: list[str]
    alignment: np.ndarray | None
    parts: Sequence[dict[str, Any]] = ()


class Translator:
    """Translates with a trained model; one graph serves every batch.

    Args:
      model: with its weights; or an ``Ensemble`` of such models.
      source_tokenizer, target_tokenizer: those it was trained with. A source without any token is not asked about: its
        translations are empty, with score 0.
      search: how to search.
      max_source_length: sources are cut there, in tokens; 0: nowhere.
      language_model: fused in the search; None: none.
      alignments: whether predictions carry their alignment.
      parts: whether they carry the parts of their scores.
    """

    def __init__(
        self,
        model: TranslationModel,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        search: SearchConfig,
        *,
        max_source_length: int = 0,
        language_model: LanguageModel | None = None,
        alignments: bool = False,
        parts: bool = False,
    ) -> None:
        self.model = model
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.search = search
        self.max_source_length = max_source_length
        self.language_model = language_model
        self.alignments = alignments
        self.parts = parts
        self._graph = tf.function(
            self.find,
            input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)],
            autograph=False,
        )

    def find(self, source_ids: tf.Tensor, source_length: tf.Tensor) -> SearchResult:
        """The search as part of a graph: source_ids ``[B, S]`` int32, source_length ``[B]`` int32, from 1 to S."""
        encoded = self.model.encode(source_ids, source_length)
        return search_targets(
            self.model,
            encoded,
            source_length,
            self.target_tokenizer,
            self.search,
            language_model=self.language_model,
            alignments=self.alignments,
            parts=self.parts,
        )

    def translate_batch(self, batch: Batch) -> list[Prediction]:
        """Translates the sources of a batch, in its order."""
        result = self._graph(batch.source_ids, batch.source_length)
        predictions = []
        for b, (rows, scores) in enumerate(hypotheses(result, self.search.n_best)):
            source = batch.source_ids[b, : batch.source_length[b]]
            alignment = None
            if self.alignments:
                alignment = result.alignments[b, 0, : len(rows[0]), : len(source)].numpy()
            predictions.append(
                Prediction(
                    texts=self.target_tokenizer.decode(rows),
                    scores=scores,
                    pieces=self.target_tokenizer.pieces(rows[0]),
                    source_pieces=self.source_tokenizer.pieces(source.tolist()),
                    alignment=alignment,
                    parts=described_parts(result.parts, b, len(rows)),
                )
            )
        return predictions

    def _empty(self, _: object) -> Prediction:
        count = self.search.n_best
        nothing = np.zeros((0, 0), np.float32) if self.alignments else None
        parts = [dict(NO_PARTS)] * count if self.parts else []
        return Prediction([""] * count, [0.0] * count, [], [], nothing, parts)

    def predict(self, lines: Iterable[str]) -> Iterator[Prediction]:
        """Translates any number of lines; the predictions come in the order of the lines, as they arrive."""
        require_several(lines, "lines")
        return predict_lines(
            lines,
            self.translate_batch,
            empty=self._empty,
            source_tokenizer=self.source_tokenizer,
            target_tokenizer=self.target_tokenizer,
            max_source_length=self.max_source_length,
            batch_type="examples",
            batch_size=self.search.batch_size,
        )

    def predict_index(self, index: PairIndex, rows: Sequence[int] | None = None) -> list[Prediction]:
        """Translates the sources of an index, or the given rows of it; the predictions come in that order."""
        chosen = np.arange(len(index)) if rows is None else np.asarray(rows)
        filled = np.flatnonzero(~self._empty_rows(index, chosen))
        maker = BatchMaker(index, self.source_tokenizer, self.target_tokenizer)
        plan = evaluation_plan(
            index.source.lengths[chosen[filled]],
            np.zeros(len(filled), np.int32),
            batch_type="examples",
            batch_size=self.search.batch_size,
        )
        return predict_index(
            lambda positions: maker(chosen[positions]),
            [filled[positions] for positions in plan],
            self.translate_batch,
            count=len(chosen),
            empty=self._empty,
        )

    def _empty_rows(self, index: PairIndex, rows: np.ndarray) -> np.ndarray:
        """``[B]`` bool: which sources have no token; an index has one unknown id in their place."""
        empty = index.source.lengths[rows] == 1
        empty[empty] = index.source.rows(rows[empty]).values == self.source_tokenizer.unknown_id
        if index.source.text is None:  # as that of training, which leaves empty sources out
            return np.zeros_like(empty)
        empty[empty] = [not ids for ids in self.source_tokenizer.encode(index.source.texts(rows[empty]))]
        return empty
