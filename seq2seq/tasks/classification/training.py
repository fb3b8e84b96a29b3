"""What the training loop asks of classification; the loss is the cross entropy of the label."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.pairs import Batch, check_batch
from seq2seq.tasks.classification.model import ClassificationModel
from seq2seq.tasks.classification.signs import CLASSIFICATION_SIGNS
from seq2seq.tasks.data_report import unknown_note
from seq2seq.tasks.loss import Loss
from seq2seq.tasks.training import TrainingTask


class ClassificationTraining(TrainingTask):
    """What the training loop asks of classification; see ``TrainingTask``."""

    tie_breakers = ("macro_f1", "loss")
    signs = CLASSIFICATION_SIGNS
    least_updates = (100, "few classifiers learn anything")
    _maker: BatchMaker

    def notes(self) -> Iterator[str]:
        if len(np.unique(self._val.target.ids)) == 1:
            label = self._maker.target_tokenizer.pieces([int(self._val.target.ids[0])])[0]
            yield f"all {len(self._val):,} texts have the label {label}, so that accuracy is that of one label."

    def obstacles(self, model: ClassificationModel) -> Iterator[str]:
        """Unknown tokens of the validation data."""
        yield from unknown_note(self._val.source.ids, self._maker.source_tokenizer, "data.val's texts'")

    def prepare(self, model: ClassificationModel) -> None:
        """There is nothing."""

    def loss(self, model: ClassificationModel, batch: Batch, training: bool) -> Loss:
        return label_loss(model, batch, training, self.config.label_smoothing)

    def tokens(self, batch: Batch) -> int:
        """Real ones, of the texts."""
        real = np.asarray(batch.example_ids) >= 0
        return int(np.asarray(batch.source_length)[real].sum())

    def check(self, batch: Batch) -> None:
        check_batch(batch, source_length=batch.source_ids)


def label_loss(
    model: ClassificationModel, batch: Batch, training: bool, label_smoothing: float = 0.0
) -> Loss:
    """The loss of a batch of tensors, whose targets are labels of one token; empty rows count for nothing."""
    features = model.features(batch.source_ids, batch.source_length, training)
    losses = model.output_projection.token_losses(features, batch.target_outputs[:, 0], label_smoothing)
    real = tf.cast(batch.target_length > 0, tf.float32)
    return Loss(
        tf.reduce_sum(real * losses.smoothed), tf.reduce_sum(real * losses.cross_entropy), tf.reduce_sum(real)
    )
