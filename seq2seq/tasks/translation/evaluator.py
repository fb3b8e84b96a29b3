"""What a translation model is measured by: loss, BLEU and chrF, and what else is asked for."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.data import BatchConfig
from seq2seq.config.groups.translation import TranslationTaskConfig
from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.metrics.corpus_scorer import CorpusScorer
from seq2seq.tasks.evaluation import Evaluation, LossGraph, build_scorer, output_notes
from seq2seq.tasks.translation.training import translation_loss
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
        predictions = self.translator.predict_index(index)
        sources, references = (side.texts(np.arange(len(index))) for side in (index.source, index.target))
        outputs = [prediction.texts[0] for prediction in predictions]
        scores = self._scorer(outputs, references)
        metrics = {"loss": loss, "perplexity": perplexity, **scores.scores}
        empty = sum(not prediction.source_pieces for prediction in predictions)
        notes = [*self._scorer.notes(references), *output_notes(outputs)]
        if empty:
            notes.append(f"of {len(sources):,} sources {empty:,} are empty, and so are their translations")
        return Evaluation(
            metrics,
            scores.signatures,
            predictions,
            sources,
            references,
            notes=notes,
            samples=scores.samples,
        )
