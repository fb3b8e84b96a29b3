"""What the training loop asks of speech."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.audio.features import LogMel
from seq2seq.config.groups.speech import SpeechTaskConfig
from seq2seq.datasets.batches.pairs import check_batch
from seq2seq.datasets.batches.speech import SPEECH_SIGNATURE, SpeechBatch, SpeechBatchMaker, pad_waveforms
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.tasks.data_report import unknown_note
from seq2seq.tasks.evaluation import build_scorer
from seq2seq.tasks.loss import Loss
from seq2seq.tasks.speech.loss import speech_loss
from seq2seq.tasks.speech.model import SpeechModel
from seq2seq.tasks.speech.signs import SPEECH_SIGNS, heavy_masks
from seq2seq.tasks.training import TrainingTask

MAX_FOR_STATISTICS = 10_000
"""Utterances that the statistics of features are gathered from; more would not change them."""


class SpeechTraining(TrainingTask):
    """What the training loop asks of speech.

    Args:
      config: also the weight of CTC.
      blank_id: CTC's.
      train: the index that ``maker`` makes batches of.
      augment_warmup: steps over which SpecAugment grows to its widths.
      **shared: see ``TrainingTask``.
    """

    tie_breakers = ("cer", "loss")
    signs = SPEECH_SIGNS
    _maker: SpeechBatchMaker

    def __init__(
        self,
        config: SpeechTaskConfig,
        *,
        blank_id: int,
        train: UtteranceIndex,
        augment_warmup: int = 0,
        **shared: Any,
    ) -> None:
        super().__init__(config, **shared)
        self._ctc_weight = config.ctc_weight
        self._blank_id = blank_id
        self._train = train
        self._augment_warmup = augment_warmup

    def prepare(self, model: SpeechModel) -> None:
        """Statistics for features that are normalised over the corpus."""
        if model.features.options.normalization == "corpus":
            model.features.set_statistics(feature_sums(model.features, self._train))

    def notes(self) -> Iterator[str]:
        return build_scorer(self.config).notes([utterance.text for utterance in self._val.utterances])

    def obstacles(self, model: SpeechModel) -> Iterator[str]:
        """Unknown tokens of the validation data, and masks that leave too little of the training data."""
        yield from unknown_note(self._val.target.values, self._maker.tokenizer, "data.val's")
        yield from heavy_masks(model.spec_augment, self._train.frames, model.features.options.mel_bins)

    def loss(self, model: SpeechModel, batch: SpeechBatch, training: bool) -> Loss:
        return speech_loss(
            model,
            batch,
            training,
            ctc_weight=self._ctc_weight,
            blank_id=self._blank_id,
            label_smoothing=self.config.label_smoothing,
            sampling_probability=self.sampling_probability(training),
            augment_scale=self._augment_scale(),
        ).joint

    def _augment_scale(self) -> tf.Tensor | float:
        if self._augment_warmup == 0:
            return 1.0
        return tf.minimum(tf.cast(self.step, tf.float32) / self._augment_warmup, 1.0)

    def tokens(self, batch: SpeechBatch) -> int:
        """Frames, as the index counts them, and target tokens."""
        rows = np.asarray(batch.example_ids)
        return int(self._train.frames[rows[rows >= 0]].sum() + np.sum(batch.target_length))

    def check(self, batch: SpeechBatch) -> None:
        check_batch(batch, waveform_length=batch.waveforms, target_length=batch.target_inputs)


def feature_sums(features: LogMel, index: UtteranceIndex) -> np.ndarray:
    """``LogMel.sums`` over a corpus, or over the evenly spaced ``MAX_FOR_STATISTICS`` of its utterances."""
    rows = np.unique(np.linspace(0, len(index) - 1, min(len(index), MAX_FOR_STATISTICS)).round().astype(int))
    graph = tf.function(
        features.sums,
        input_signature=[SPEECH_SIGNATURE.waveforms, SPEECH_SIGNATURE.waveform_length],
        autograph=False,
    )
    chunks = (rows[start : start + 16] for start in range(0, len(rows), 16))
    return sum(graph(*pad_waveforms([index.readable(row)[1] for row in chunk])).numpy() for chunk in chunks)
