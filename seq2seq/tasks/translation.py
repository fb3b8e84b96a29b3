"""Translation: an example is a pair of lines, the loss is cross entropy, and BLEU and chrF are measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.config.schema import BatchConfig, TranslationTaskConfig
from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.pairs import Batch, check_batch
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.metrics.text_scores import TextScorer
from seq2seq.models.translation import TranslationModel
from seq2seq.tasks.evaluation import Evaluation, LossGraph, output_notes
from seq2seq.tasks.loss import Loss, target_loss
from seq2seq.tasks.task import Task
from seq2seq.tasks.translator import Translator


class TranslationTask(Task):
    """What the training loop asks of translation; see ``Task``.

    Args:
      scorer: what measures translations.
      **shared: see ``Task``.
    """

    tie_breakers = ("chrf", "loss")

    def __init__(self, config: TranslationTaskConfig, *, scorer: TextScorer, **shared: Any) -> None:
        super().__init__(config, **shared)
        self._scorer = scorer

    def notes(self) -> Iterator[str]:
        return self._scorer.notes(self._val.target.texts(np.arange(len(self._val))))

    def prepare(self, model: TranslationModel) -> None:
        """There is nothing."""

    def loss(self, model: TranslationModel, batch: Batch, training: bool) -> Loss:
        smoothing, probability = self.config.label_smoothing, self.sampling_probability(training)
        return translation_loss(model, batch, training, smoothing, probability)

    def tokens(self, batch: Batch) -> int:
        """Real ones, of source and target."""
        real = np.asarray(batch.example_ids) >= 0
        return int(np.asarray(batch.source_length)[real].sum() + np.sum(batch.target_length))

    def check(self, batch: Batch) -> None:
        check_batch(batch, source_length=batch.source_ids, target_length=batch.target_inputs)


def translation_loss(
    model: TranslationModel,
    batch: Batch,
    training: bool,
    label_smoothing: float = 0.0,
    sampling_probability: tf.Tensor | None = None,
) -> Loss:
    """The loss of a batch of tensors."""
    encoded = model.encode(batch.source_ids, batch.source_length, training)
    return target_loss(model, encoded, batch, training, label_smoothing, sampling_probability)


class TranslationEvaluator:
    """Loss, translations and scores of a corpus.

    Args:
      translator: the model and its search.
      scorer: what compares translations with references.
      batch: how batches of the loss are filled.
      shapes: how many shapes the batches of the loss have at most; 0: any.
    """

    def __init__(
        self, translator: Translator, scorer: TextScorer, batch: BatchConfig, *, shapes: int = 0
    ) -> None:
        self.translator = translator
        self._scorer = scorer
        self._graph = LossGraph(self._loss_sums, SIGNATURE, batch, shapes=shapes)

    def _loss_sums(self, batch: Batch) -> tf.Tensor:
        loss = translation_loss(self.translator.model, batch, training=False)
        return tf.stack([loss.cross_entropy, loss.tokens])

    def perplexity(self, index: PairIndex) -> tuple[float, float]:
        """Nats per token, and its exponential."""
        plan, shapes = self._graph.plan(index.source.lengths, index.target.lengths)
        tokenizers = self.translator.source_tokenizer, self.translator.target_tokenizer
        maker = BatchMaker(index, *tokenizers, shapes=shapes)
        sums = np.sum([self._graph(maker(rows)).numpy() for rows in plan], axis=0)
        loss = float(sums[0] / sums[1])
        return loss, math.exp(min(loss, 700.0))

    def evaluate(self, index: PairIndex) -> Evaluation:
        """Evaluates on an index that holds its text."""
        loss, perplexity = self.perplexity(index)
        predictions = self.translator.translate_index(index)
        sources, references = (side.texts(np.arange(len(index))) for side in (index.source, index.target))
        outputs = [prediction.texts[0] for prediction in predictions]
        scores = self._scorer(outputs, references)
        metrics = {"loss": loss, "perplexity": perplexity, **scores.scores}
        notes = (*self._scorer.notes(references), *output_notes(outputs))
        return Evaluation(metrics, scores.signatures, predictions, sources, references, notes=notes)
