"""The log-probability that a model gives to known translations."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from seq2seq.datasets.arriving import chunks
from seq2seq.datasets.batches.in_order import predict_index
from seq2seq.datasets.batches.pairs import Batch, Ragged, make_batch
from seq2seq.datasets.batches.plan import evaluation_plan
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.search import LanguageModel, LanguageModelScorer, SpecialIds, replay
from seq2seq.tasks.translation.model import TranslationModel
from seq2seq.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

CHUNK_PAIRS, CHUNK_CHARACTERS = 10_000, 4_000_000


def pair_log_probs(model: TranslationModel, batch: Batch) -> tf.Tensor:
    """``[B]`` float32: ``log p(target | source)``, in nats, the end included."""
    features = model.decode(model.encode(batch.source_ids, batch.source_length), batch.target_inputs).features
    real = tf.sequence_mask(batch.target_length, tf.shape(batch.target_outputs)[1])
    losses = model.output_projection.token_losses(
        tf.boolean_mask(features, real), tf.boolean_mask(batch.target_outputs, real), label_smoothing=0.0
    )
    rows = tf.cast(tf.where(real)[:, 0], tf.int32)
    return -tf.math.segment_sum(losses.cross_entropy, rows)


def fused_log_probs(language_model: LanguageModel, weight: float, ids: SpecialIds, batch: Batch) -> tf.Tensor:
    """``[B]`` float32: ``weight · log p(target)`` by a language model, in nats, the end included."""
    scorer = LanguageModelScorer(language_model, tf.shape(batch.target_length)[0], weight)
    lengths = batch.target_length - 1
    (scores,) = replay(
        [scorer], batch.target_outputs[:, tf.newaxis], lengths[:, tf.newaxis], lengths + 1, ids
    )
    return scores[:, 0]


class PairScorer:
    """Scores pairs of lines; one graph serves every batch.

    Args:
      model: with its weights.
      source_tokenizer, target_tokenizer: those of the model.
      batch_size: pairs that are computed together.
      added: to the model's log-probabilities of a batch, ``[B]``, such as `fused_log_probs`.
    """

    def __init__(
        self,
        model: TranslationModel,
        *,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        batch_size: int,
        added: Callable[[Batch], tf.Tensor | float] = lambda batch: 0.0,
    ) -> None:
        self._source_tokenizer = source_tokenizer
        self._target_tokenizer = target_tokenizer
        self._batch_size = batch_size
        self._graph = tf.function(
            lambda batch: pair_log_probs(model, batch) + added(batch),
            input_signature=[SIGNATURE],
            autograph=False,
        )

    def __call__(self, pairs: Iterable[tuple[str, str]]) -> Iterator[float]:
        """Of source and target, in their order. A source without any token scores 0, as in translation; that its target
        has some is logged."""
        first = 0
        for chunk in chunks(pairs, max_items=CHUNK_PAIRS, size=_characters, max_size=CHUNK_CHARACTERS):
            sources = self._source_tokenizer.encode([source for source, _ in chunk])
            targets = self._target_tokenizer.encode([target for _, target in chunk])
            for row, (source, target) in enumerate(zip(sources, targets), start=first + 1):
                if target and not source:
                    logger.warning(
                        "Line %d has an empty source, and a target that is not: its score is 0", row
                    )
            yield from self._of_rows(sources, targets)
            first += len(chunk)

    def _of_rows(self, sources: list[list[int]], targets: list[list[int]]) -> Sequence[float]:
        def make(rows: np.ndarray) -> Batch:
            return make_batch(
                rows.astype(np.int64),
                Ragged.of([sources[row] for row in rows]),
                Ragged.of([targets[row] for row in rows]),
                source_pad_id=self._source_tokenizer.pad_id,
                target_tokenizer=self._target_tokenizer,
            )

        filled = np.flatnonzero([len(row) for row in sources])
        plan = evaluation_plan(
            np.array([len(sources[row]) for row in filled]),
            np.array([len(targets[row]) for row in filled]),
            batch_type="examples",
            batch_size=self._batch_size,
        )
        return predict_index(
            make,
            [filled[rows] for rows in plan],
            lambda batch: self._graph(Batch(*map(tf.constant, batch))).numpy().tolist(),
            count=len(sources),
            empty=lambda _: 0.0,
        )


def _characters(pair: tuple[str, str]) -> int:
    return len(pair[0]) + len(pair[1])
