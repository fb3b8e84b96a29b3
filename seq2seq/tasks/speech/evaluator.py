"""What a speech model is measured by: losses, WER and CER, and what else is asked for."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import tensorflow as tf

from seq2seq.config.groups.data import BatchConfig
from seq2seq.config.groups.speech import SpeechTaskConfig
from seq2seq.datasets.batches.speech import SPEECH_SIGNATURE, SpeechBatch, SpeechBatchMaker
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.metrics.corpus_scorer import CorpusScores
from seq2seq.metrics.error_rates import error_report
from seq2seq.tasks.evaluation import Evaluation, LossGraph, build_scorer, output_notes
from seq2seq.tasks.speech.loss import speech_loss
from seq2seq.tasks.speech.statistics import ctc_statistics, silent_sums
from seq2seq.tasks.speech.transcriber import Transcriber
from seq2seq.tasks.statistics import (
    LossPass,
    add_up,
    attention_statistics,
    attention_sums,
    output_statistics,
)

logger = logging.getLogger(__name__)


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
        self._scorer = build_scorer(task)
        self._graph = LossGraph(self._loss_sums, SPEECH_SIGNATURE, batch, shapes=shapes)

    def _loss_sums(self, batch: SpeechBatch) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        model, blank_id = self.transcriber.model, self.transcriber.tokenizer.pad_id
        loss = speech_loss(model, batch, training=False, ctc_weight=self._task.ctc_weight, blank_id=blank_id)
        length = loss.encoded.memory_length
        sums = {"loss": tf.stack([loss.joint.cross_entropy, loss.ctc, loss.joint.tokens])}
        if loss.alignments is not None:
            sums["attention"] = attention_sums(loss.alignments, length, batch.target_length)
        if self._task.ctc_weight:
            sums["ctc"] = silent_sums(model.ctc_logits(loss.encoded), length, batch.target_length, blank_id)
        return sums, loss.possible

    def losses(self, index: UtteranceIndex) -> LossPass:
        """``loss`` and ``perplexity`` of the decoder and ``ctc_loss``, all in nats per token; how many utterances CTC
        cannot align is logged, with their names."""
        plan, shapes = self._graph.plan(index.frames, index.target.lengths)
        shapes = shapes and shapes.with_sources(index.samples)
        maker = SpeechBatchMaker(index, self.transcriber.tokenizer, shapes=shapes)
        batches, impossible = [], []
        for rows in plan:
            sums, possible = self._graph(maker(rows))
            batches.append(sums)
            impossible += [index.utterances[row].id for row in rows[~possible.numpy()[: len(rows)]]]
        if impossible:
            logger.warning(
                "%d utterances are too short for CTC to align their text, among them %s.",
                len(impossible),
                ", ".join(impossible[:5]),
            )
        totals = add_up(batches)
        loss, ctc_loss = (totals["loss"][:2] / totals["loss"][2]).tolist()
        metrics = {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
        statistics = attention_statistics(totals.get("attention"))
        if self._task.ctc_weight:
            metrics["ctc_loss"] = ctc_loss
            statistics.update(ctc_statistics(totals["ctc"]))
        return LossPass(metrics, statistics)

    def scores(self, index: UtteranceIndex, rows: Sequence[int] | None = None) -> CorpusScores:
        chosen = range(len(index)) if rows is None else rows
        predictions = self.transcriber.transcribe_index(index, rows)
        return self._scorer(
            [each.texts[0] for each in predictions], [index.utterances[row].text for row in chosen]
        )

    def evaluate(self, index: UtteranceIndex) -> Evaluation:
        losses = self.losses(index)
        predictions = self.transcriber.transcribe_index(index)
        references = [utterance.text for utterance in index.utterances]
        outputs = [prediction.texts[0] for prediction in predictions]
        scores = self._scorer(outputs, references)
        report = error_report(
            outputs,
            references,
            names=[utterance.id for utterance in index.utterances],
            speakers=[utterance.speaker for utterance in index.utterances],
            lowercase=self._task.lowercase_metric,
        )
        return Evaluation(
            {**losses.metrics, **scores.scores},
            scores.signatures,
            predictions,
            [utterance.id for utterance in index.utterances],
            references,
            {"speakers.tsv": report.speaker_table(), "worst.txt": report.worst(self._task.worst_shown)},
            notes=(*self._scorer.notes(references), *output_notes(outputs)),
            samples=scores.samples,
            statistics={**losses.statistics, **output_statistics(outputs, references)},
        )
