"""What the training loop asks of translation; the loss is cross entropy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.translation import TranslationTaskConfig
from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.pairs import Batch, check_batch
from seq2seq.metrics.corpus_scorer import CorpusScorer
from seq2seq.metrics.metric import MetricOrder
from seq2seq.tasks.data_report import unknown_note
from seq2seq.tasks.loss import Loss, target_loss
from seq2seq.tasks.training import TrainingTask
from seq2seq.tasks.translation.model import TranslationModel


class TranslationTraining(TrainingTask):
    """What the training loop asks of translation; see ``TrainingTask``.

    Args:
      scorer: what measures translations.
      **shared: see ``TrainingTask``.
    """

    tie_breakers = ("chrf", "loss")
    _maker: BatchMaker

    def __init__(self, config: TranslationTaskConfig, *, scorer: CorpusScorer, **shared: Any) -> None:
        super().__init__(config, **shared)
        self._scorer = scorer
        if scorer.is_blind(str(config.metric), self._references()):
            self.order = MetricOrder.of(self.tie_breakers[0], self.tie_breakers)

    def _references(self) -> list[str]:
        return self._val.target.texts(np.arange(len(self._val)))

    def notes(self) -> Iterator[str]:
        return self._scorer.notes(self._references())

    def obstacles(self, model: TranslationModel) -> Iterator[str]:
        """Unknown tokens of the validation data."""
        source, target = self._maker.source_tokenizer, self._maker.target_tokenizer
        yield from unknown_note(self._val.source.ids, source, "data.val's source")
        yield from unknown_note(self._val.target.ids, target, "data.val's target")

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
