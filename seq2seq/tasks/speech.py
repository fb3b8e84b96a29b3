"""Speech: an example is an utterance, the loss joins CTC and cross entropy, and WER and CER are measured."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.audio.features import LogMel
from seq2seq.config.schema import BatchConfig, SearchConfig, SpeechTaskConfig
from seq2seq.datasets.batches.pairs import check_batch
from seq2seq.datasets.batches.speech import SPEECH_SIGNATURE, SpeechBatch, SpeechBatchMaker, pad_waveforms
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.layers.ctc import ctc_losses
from seq2seq.metrics.error_rates import speech_notes, speech_scores
from seq2seq.models.speech import SpeechModel
from seq2seq.tasks.evaluation import Evaluation, LossGraph, output_notes
from seq2seq.tasks.loss import Loss, target_loss
from seq2seq.tasks.task import Task
from seq2seq.tasks.transcriber import Transcriber

logger = logging.getLogger(__name__)

MOST_FOR_STATISTICS = 10_000
"""Utterances that the statistics of features are gathered from; more would not change them."""


class SpeechLoss(NamedTuple):
    """The parts of the loss of a batch.

    Attributes:
      joint: what is minimised and reported; its cross entropy is the decoder's, or CTC's where there is nothing else.
      ctc: sum over the batch, nats, float32 scalar.
      possible: ``[B]`` bool: whether CTC can align the utterance at all. Where it cannot, it adds nothing. An empty row
        has nothing to align.
    """

    joint: Loss
    ctc: tf.Tensor
    possible: tf.Tensor


def speech_loss(
    model: SpeechModel,
    batch: SpeechBatch,
    training: bool,
    *,
    ctc_weight: float,
    blank_id: int,
    label_smoothing: float = 0.0,
    sampling_probability: tf.Tensor | None = None,
    augment_share: tf.Tensor | float = 1.0,
) -> SpeechLoss:
    """``ctc_weight · CTC + (1 - ctc_weight) · cross entropy`` of a batch of tensors (Kim et al. 2017)."""
    encoded = model.encode(batch.waveforms, batch.waveform_length, training, augment_share)
    empty = batch.target_length == 0
    ctc, possible = tf.zeros([]), tf.ones_like(empty)
    if ctc_weight > 0.0:
        losses, possible = ctc_losses(
            model.ctc_logits(encoded),
            tf.where(empty, 0, encoded.memory_length),  # no alignment, so no loss
            batch.target_outputs,
            tf.maximum(batch.target_length - 1, 0),  # CTC knows no end
            blank_id,
        )
        ctc, possible = tf.reduce_sum(losses), possible | empty
    if ctc_weight == 1.0:
        tokens = tf.cast(tf.reduce_sum(batch.target_length), tf.float32)
        return SpeechLoss(Loss(ctc, tf.stop_gradient(ctc), tokens), ctc, possible)
    decoder = target_loss(model, encoded, batch, training, label_smoothing, sampling_probability)
    total = ctc_weight * ctc + (1.0 - ctc_weight) * decoder.total if ctc_weight > 0.0 else decoder.total
    return SpeechLoss(decoder._replace(total=total), ctc, possible)


class SpeechTask(Task):
    """What the training loop asks of speech.

    Args:
      config: also the weight of CTC.
      blank_id: CTC's.
      train: the index that ``maker`` makes batches of.
      augment_warmup: steps over which SpecAugment grows to its widths.
      **shared: see ``Task``.
    """

    tie_breakers = ("cer", "loss")

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
        return speech_notes([utterance.text for utterance in self._val.utterances])

    def loss(self, model: SpeechModel, batch: SpeechBatch, training: bool) -> Loss:
        return speech_loss(
            model,
            batch,
            training,
            ctc_weight=self._ctc_weight,
            blank_id=self._blank_id,
            label_smoothing=self.config.label_smoothing,
            sampling_probability=self.sampling_probability(training),
            augment_share=self._augment_share(),
        ).joint

    def _augment_share(self) -> tf.Tensor | float:
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
    """``LogMel.sums`` over a corpus, or over the evenly spaced ``MOST_FOR_STATISTICS`` of its utterances."""
    rows = np.unique(np.linspace(0, len(index) - 1, min(len(index), MOST_FOR_STATISTICS)).round().astype(int))
    graph = tf.function(
        features.sums,
        input_signature=[SPEECH_SIGNATURE.waveforms, SPEECH_SIGNATURE.waveform_length],
    )
    chunks = (rows[start : start + 16] for start in range(0, len(rows), 16))
    return sum(graph(*pad_waveforms([index.readable(row)[1] for row in chunk])).numpy() for chunk in chunks)


def search_weight(search: SearchConfig, task: SpeechTaskConfig) -> float:
    """CTC's weight in the search: the loss's, unless the search has its own."""
    return task.ctc_weight if search.ctc_weight is None else search.ctc_weight


class SpeechEvaluator:
    """Loss, transcriptions and error rates of a corpus.

    Args:
      transcriber: the model and its search.
      task: the weights of the loss, and how text is compared.
      batch: how batches of the loss are filled.
      shapes: how many shapes the batches of the loss have at most; 0: any.
    """

    def __init__(
        self, transcriber: Transcriber, task: SpeechTaskConfig, batch: BatchConfig, *, shapes: int = 0
    ) -> None:
        self.transcriber = transcriber
        self._task = task
        self._graph = LossGraph(self._loss_sums, SPEECH_SIGNATURE, batch, shapes=shapes)

    def _loss_sums(self, batch: SpeechBatch) -> tuple[tf.Tensor, tf.Tensor]:
        loss = speech_loss(
            self.transcriber.model,
            batch,
            training=False,
            ctc_weight=self._task.ctc_weight,
            blank_id=self.transcriber.tokenizer.pad_id,
        )
        return tf.stack([loss.joint.cross_entropy, loss.ctc, loss.joint.tokens]), loss.possible

    def losses(self, index: UtteranceIndex) -> dict[str, float]:
        """``loss`` and ``perplexity`` of the decoder and ``ctc_loss``, all in nats per token; how many utterances CTC
        cannot align is logged, with their names."""
        plan, shapes = self._graph.plan(index.frames, index.target.lengths)
        shapes = shapes and shapes.with_sources(index.samples)
        maker = SpeechBatchMaker(index, self.transcriber.tokenizer, shapes=shapes)
        sums, impossible = np.zeros(3), []
        for rows in plan:
            batch_sums, possible = self._graph(maker(rows))
            sums += batch_sums.numpy()
            impossible += [index.utterances[row].id for row in rows[~possible.numpy()[: len(rows)]]]
        if impossible:
            logger.warning(
                "%d utterances are too short for CTC to align their text, among them %s.",
                len(impossible),
                ", ".join(impossible[:5]),
            )
        loss, ctc_loss = sums[:2] / sums[2]
        losses = {"loss": float(loss), "perplexity": math.exp(min(loss, 700.0))}
        return {**losses, "ctc_loss": float(ctc_loss)} if self._task.ctc_weight else losses

    def evaluate(self, index: UtteranceIndex) -> Evaluation:
        metrics = self.losses(index)
        predictions = self.transcriber.transcribe_index(index)
        references = [utterance.text for utterance in index.utterances]
        outputs = [prediction.texts[0] for prediction in predictions]
        scores = speech_scores(
            outputs,
            references,
            names=[utterance.id for utterance in index.utterances],
            speakers=[utterance.speaker for utterance in index.utterances],
            lowercase=self._task.lowercase_metric,
        )
        return Evaluation(
            {**metrics, "wer": scores.wer, "cer": scores.cer},
            {"wer": scores.signature, "cer": scores.signature},
            predictions,
            [utterance.id for utterance in index.utterances],
            references,
            {"speakers.tsv": scores.speaker_table(), "worst.txt": scores.worst(self._task.worst_shown)},
            notes=(*speech_notes(references), *output_notes(outputs)),
        )
