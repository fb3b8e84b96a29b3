"""Text in, labels out: a model with its tokenizer and its labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.in_order import predict_index, predict_lines
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.datasets.batches.plan import evaluation_plan
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.errors import require_several
from seq2seq.tasks.classification.model import ClassificationModel
from seq2seq.text.label_vocabulary import LabelVocabulary
from seq2seq.text.tokenizer import Tokenizer

TEXT_SPECS = (tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32))
"""Ids ``[B, S]`` and lengths ``[B]``."""


class Prediction(NamedTuple):
    """What a text was taken for.

    Attributes:
      texts: the likeliest labels, likeliest first.
      scores: one per label, its log-probability in nats.
      log_probs: ``[C]`` float32, of all labels in the order of the vocabulary.
    """

    texts: list[str]
    scores: list[float]
    log_probs: np.ndarray


class Classifier:
    """Labels texts with a trained model; one graph serves every batch.

    Args:
      model: with its weights.
      tokenizer, labels: those it was trained with. A text without any token is read as one unknown token, so that
        every text has a label.
      n_best: labels of each text; all, where there are fewer.
      batch_size: texts that are computed together.
      max_source_length: texts are cut there, in tokens; 0: nowhere.
    """

    def __init__(
        self,
        model: ClassificationModel,
        tokenizer: Tokenizer,
        labels: LabelVocabulary,
        *,
        n_best: int = 1,
        batch_size: int = 64,
        max_source_length: int = 0,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.labels = labels
        self.n_best = n_best
        self.batch_size = batch_size
        self.max_source_length = max_source_length
        self._graph = tf.function(model.log_probs, input_signature=TEXT_SPECS, autograph=False)

    def classify_batch(self, batch: Batch) -> list[Prediction]:
        """Labels the texts of a batch, in its order."""
        return self._predictions(batch.source_ids, batch.source_length)

    def _predictions(self, ids: np.ndarray, lengths: np.ndarray) -> list[Prediction]:
        log_probs = self._graph(ids, lengths).numpy()
        best = np.argsort(-log_probs, axis=1, kind="stable")[:, : self.n_best]
        return [
            Prediction(self.labels.pieces(rows), row[rows].tolist(), row)
            for row, rows in zip(log_probs, best)
        ]

    @cached_property
    def _of_nothing(self) -> Prediction:
        unknown = np.full([1, 1], self.tokenizer.unknown_id, np.int32)
        return self._predictions(unknown, np.ones(1, np.int32))[0]

    def predict(self, lines: Iterable[str]) -> Iterator[Prediction]:
        """Labels any number of lines; the predictions come in the order of the lines, as they arrive."""
        require_several(lines, "lines")
        return predict_lines(
            lines,
            self.classify_batch,
            empty=lambda _: self._of_nothing,
            source_tokenizer=self.tokenizer,
            target_tokenizer=self.labels,
            max_source_length=self.max_source_length,
            batch_type="examples",
            batch_size=self.batch_size,
        )

    def predict_index(self, index: PairIndex, rows: Sequence[int] | None = None) -> list[Prediction]:
        """Labels the texts of an index, or the given rows of it; the predictions come in that order."""
        chosen = np.arange(len(index)) if rows is None else np.asarray(rows)
        maker = BatchMaker(index, self.tokenizer, self.labels)
        plan = evaluation_plan(
            index.source.lengths[chosen],
            np.zeros(len(chosen), np.int32),
            batch_type="examples",
            batch_size=self.batch_size,
        )
        return predict_index(
            lambda positions: maker(chosen[positions]),
            plan,
            self.classify_batch,
            count=len(chosen),
            empty=lambda _: self._of_nothing,
        )
