"""What a translation model is measured by: loss, BLEU and chrF, and what else is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.data import BatchConfig
from seq2seq.config.groups.translation import TranslationTaskConfig
from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.metrics.corpus_scorer import CorpusScorer, CorpusScores
from seq2seq.tasks.evaluation import Evaluation, LossGraph, build_scorer, output_notes
from seq2seq.tasks.loss import features_loss
from seq2seq.tasks.statistics import (
    LossPass,
    add_up,
    attention_statistics,
    attention_sums,
    output_statistics,
)
from seq2seq.tasks.translation.translator import Translator


def translation_scorer(config: TranslationTaskConfig) -> CorpusScorer:
    """What compares translations with references.

    Raises:
      UserError: the tokenizer of BLEU is not installed.
    """
    tokenizer = "none" if config.metric_on == "tokenized" else config.bleu_tokenizer
    return build_scorer(config, tokenizer)


class TranslationEvaluator:
    """Loss, translations and scores of a corpus.

    Args:
      translator: the model and its search.
      scorer: what compares translations with references.
      batch: how batches of the loss are filled.
      shapes: how many shapes the batches of the loss have at most; 0: any.
    """

    def __init__(
        self, translator: Translator, scorer: CorpusScorer, batch: BatchConfig, *, shapes: int = 0
    ) -> None:
        self.translator = translator
        self._scorer = scorer
        self._graph = LossGraph(self._loss_sums, SIGNATURE, batch, shapes=shapes)

    def _loss_sums(self, batch: Batch) -> dict[str, tf.Tensor]:
        model = self.translator.model
        encoded = model.encode(batch.source_ids, batch.source_length)
        decoded = model.decode(encoded, batch.target_inputs)
        loss = features_loss(model, decoded.features, batch, training=False)
        sums = {"loss": tf.stack([loss.cross_entropy, loss.tokens])}
        if model.attends:
            sums["attention"] = attention_sums(decoded.alignments, encoded.memory_length, batch.target_length)
        return sums

    def losses(self, index: PairIndex) -> LossPass:
        """``loss`` in nats per token, ``perplexity``, its exponential, and where the decoder attends."""
        plan, shapes = self._graph.plan(index.source.lengths, index.target.lengths)
        tokenizers = self.translator.source_tokenizer, self.translator.target_tokenizer
        maker = BatchMaker(index, *tokenizers, shapes=shapes)
        sums = add_up(self._graph(maker(rows)) for rows in plan)
        loss = float(sums["loss"][0] / sums["loss"][1])
        metrics = {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
        return LossPass(metrics, attention_statistics(sums.get("attention")))

    def scores(self, index: PairIndex, rows: Sequence[int] | None = None) -> CorpusScores:
        chosen = np.arange(len(index)) if rows is None else np.asarray(rows)
        predictions = self.translator.predict_index(index, rows)
        return self._scorer([each.texts[0] for each in predictions], index.target.texts(chosen))

    def evaluate(self, index: PairIndex) -> Evaluation:
        """Evaluates on an index that holds its text."""
        losses = self.losses(index)
        predictions = self.translator.predict_index(index)
        sources, references = (side.texts(np.arange(len(index))) for side in (index.source, index.target))
        outputs = [prediction.texts[0] for prediction in predictions]
        scores = self._scorer(outputs, references)
        metrics = {**losses.metrics, **scores.scores}
        empty = sum(not prediction.source_pieces for prediction in predictions)
        notes = [*self._scorer.notes(references), *output_notes(outputs)]
        if empty:
            notes.append(f"of {len(sources):,} sources {empty:,} are empty, and so are their translations")
        statistics = {**losses.statistics, **output_statistics(outputs, references)}
        return Evaluation(
            metrics,
            scores.signatures,
            predictions,
            sources,
            references,
            notes=notes,
            samples=scores.samples,
            statistics=statistics,
        )
