"""Speech: an example is an utterance, the loss joins CTC and cross entropy, and WER and CER are measured."""

from __future__ import annotations

import logging
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.config.schema import BatchConfig, SearchConfig, SpeechTaskConfig
from seq2seq.datasets.batch_maker import SubwordSampling
from seq2seq.datasets.batch_plan import BatchPlan, batch_plan, evaluation_plan
from seq2seq.datasets.batch_stream import BatchStream
from seq2seq.datasets.speech_batch import SPEECH_SIGNATURE, Augment, SpeechBatch, SpeechBatchMaker
from seq2seq.datasets.utterance_index import UtteranceIndex
from seq2seq.layers.ctc import ctc_losses
from seq2seq.models.speech import SpeechModel
from seq2seq.tasks.evaluation import Evaluation
from seq2seq.tasks.loss import Loss, scheduled_probability, target_loss
from seq2seq.tasks.speech_metrics import speech_scores
from seq2seq.tasks.transcriber import Transcriber
from seq2seq.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)


class SpeechLoss(NamedTuple):
    """The parts of the loss of a batch.

    Attributes:
      joint: what is minimised and reported; its cross entropy is the decoder's, or CTC's where there is nothing else.
      ctc: sum over the batch, nats, float32 scalar.
      possible: ``[B]`` bool: whether CTC can align the utterance at all. Where it cannot, it adds nothing.
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
) -> SpeechLoss:
    """``ctc_weight · CTC + (1 - ctc_weight) · cross entropy`` of a batch of tensors (Kim et al. 2017)."""
    encoded = model.encode(batch.waveforms, batch.waveform_length, training)
    tokens = tf.cast(tf.reduce_sum(batch.target_length), tf.float32)
    ctc, possible = tf.zeros([]), tf.ones_like(batch.target_length, tf.bool)
    if ctc_weight > 0.0:
        losses, possible = ctc_losses(
            model.ctc_logits(encoded),
            encoded.memory_length,
            batch.target_outputs,
            batch.target_length - 1,  # CTC knows no end
            blank_id,
        )
        ctc = tf.reduce_sum(losses)
    if ctc_weight == 1.0:
        return SpeechLoss(Loss(ctc, tf.stop_gradient(ctc), tokens), ctc, possible)
    decoder = target_loss(model, encoded, batch, training, label_smoothing, sampling_probability)
    total = ctc_weight * ctc + (1.0 - ctc_weight) * decoder.total if ctc_weight > 0.0 else decoder.total
    return SpeechLoss(Loss(total, decoder.cross_entropy, tokens), ctc, possible)


class SpeechTask:
    """What the training loop asks of speech.

    Args:
      config: weights of the loss, metric, scheduled sampling.
      batch: how batches are filled; ``tokens`` counts frames and target tokens.
      search: how validation searches.
      train, val: indices.
      tokenizer: that of the indices.
      augment: of waveforms in training; None: off.
      sampling: subword sampling in training; None: off.
      seed: decides the order of the data and all that is drawn for it.
    """

    def __init__(
        self,
        config: SpeechTaskConfig,
        batch: BatchConfig,
        search: SearchConfig,
        *,
        train: UtteranceIndex,
        val: UtteranceIndex,
        tokenizer: Tokenizer,
        augment: Augment | None,
        sampling: SubwordSampling | None,
        seed: int,
    ) -> None:
        self.metric = str(config.metric)
        self.higher_is_better = False
        self.step = tf.Variable(
            0, dtype=tf.int64, trainable=False
        )  # replaced by the optimizer's, see ``follow``
        self._config = config
        self._batch = batch
        self._search = search
        self._seed = seed
        self._train = train
        self._val = val
        self._tokenizer = tokenizer
        maker = SpeechBatchMaker(train, tokenizer, augment=augment, sampling=sampling)
        self._stream = BatchStream(maker, self.plan, signature=SPEECH_SIGNATURE, seed=seed)
        self._planned: tuple[int, BatchPlan] | None = None
        self._evaluator: SpeechEvaluator | None = None

    def follow(self, step: tf.Variable) -> None:
        """Lets the schedule of scheduled sampling follow the optimizer's count of updates."""
        self.step = step

    def plan(self, epoch: int) -> BatchPlan:
        if self._planned is None or self._planned[0] != epoch:
            plan = batch_plan(
                self._train.frames,
                self._train.target.lengths,
                batch_type=str(self._batch.type),
                batch_size=self._batch.size,
                seed=self._seed,
                epoch=epoch,
                window_batches=self._batch.window,
            )
            self._planned = (epoch, plan)
        return self._planned[1]

    def steps_per_epoch(self, epoch: int) -> int:
        return len(self.plan(epoch))

    def batches(self, epoch: int, skip: int) -> tf.data.Dataset:
        return self._stream(epoch, skip)

    def loss(self, model: SpeechModel, batch: SpeechBatch, training: bool) -> Loss:
        return speech_loss(
            model,
            batch,
            training,
            ctc_weight=self._config.ctc_weight,
            blank_id=self._tokenizer.pad_id,
            label_smoothing=self._config.label_smoothing,
            sampling_probability=scheduled_probability(self._config.scheduled_sampling, self.step)
            if training
            else None,
        ).joint

    def tokens(self, batch: SpeechBatch) -> int:
        """Frames, as the index counts them, and target tokens."""
        return int(self._train.frames[np.asarray(batch.example_ids)].sum() + np.sum(batch.target_length))

    def validate(self, model: SpeechModel) -> dict[str, float]:
        if self._evaluator is None or self._evaluator.transcriber.model is not model:
            transcriber = Transcriber(
                model, self._tokenizer, self._search, ctc_weight=search_weight(self._search, self._config)
            )
            self._evaluator = SpeechEvaluator(transcriber, self._config, self._batch)
        return self._evaluator.evaluate(self._val).metrics


def search_weight(search: SearchConfig, task: SpeechTaskConfig) -> float:
    """CTC's weight in the search: the loss's, unless the search has its own."""
    return task.ctc_weight if search.ctc_weight is None else search.ctc_weight


class SpeechEvaluator:
    """Loss, transcriptions and error rates of a corpus.

    Args:
      transcriber: the model and its search.
      task: the weights of the loss, and how text is compared.
      batch: how batches of the loss are filled.
    """

    def __init__(self, transcriber: Transcriber, task: SpeechTaskConfig, batch: BatchConfig) -> None:
        self.transcriber = transcriber
        self._task = task
        self._batch_type, self._batch_size = str(batch.type), batch.size_eval or batch.size
        self._sums = tf.function(self._loss_sums, input_signature=[SPEECH_SIGNATURE])

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
        plan = evaluation_plan(
            index.frames, index.target.lengths, batch_type=self._batch_type, batch_size=self._batch_size
        )
        maker = SpeechBatchMaker(index, self.transcriber.tokenizer)
        sums, impossible = np.zeros(3), []
        for rows in plan:
            found, possible = self._sums(SpeechBatch(*map(tf.constant, maker(rows))))
            sums += found.numpy()
            impossible += [index.utterances[row].id for row in rows[~possible.numpy()]]
        if impossible:
            logger.warning(
                "%d utterances are too short for CTC to align their text, among them %s.",
                len(impossible),
                ", ".join(impossible[:5]),
            )
        loss = float(sums[0] / sums[2])
        found = {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
        return {**found, "ctc_loss": float(sums[1] / sums[2])} if self._task.ctc_weight else found

    def evaluate(self, index: UtteranceIndex) -> Evaluation:
        metrics = self.losses(index)
        predictions = self.transcriber.transcribe_index(index)
        references = [utterance.text for utterance in index.utterances]
        scores = speech_scores(
            [prediction.texts[0] for prediction in predictions],
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
        )
