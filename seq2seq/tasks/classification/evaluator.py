"""What a classifier is measured by: loss, accuracy, macro F1, and what is taken for what."""

from __future__ import annotations

import math

import numpy as np

from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.metrics.corpus_scorer import CorpusScorer
from seq2seq.metrics.label_scores import confusion
from seq2seq.tasks.classification.classifier import Classifier
from seq2seq.tasks.classification.signs import label_statistics
from seq2seq.tasks.evaluation import Evaluation


class ClassificationEvaluator:
    """Loss, labels and scores of a corpus, in one pass.

    Args:
      classifier: the model.
      scorer: what compares labels.
    """

    def __init__(self, classifier: Classifier, scorer: CorpusScorer) -> None:
        self.classifier = classifier
        self._scorer = scorer

    def evaluate(self, index: PairIndex) -> Evaluation:
        """``loss`` in nats per text, ``perplexity``, its exponential, the scores, and a report ``confusion.tsv``: how
        often each label was given for each."""
        rows = np.arange(len(index))
        predictions = self.classifier.predict_index(index)
        labels = np.asarray(index.target.ids, np.int64)  # one a text
        losses = [-float(prediction.log_probs[label]) for prediction, label in zip(predictions, labels)]
        outputs = [prediction.texts[0] for prediction in predictions]
        references = self.classifier.labels.pieces(labels.tolist())
        scores = self._scorer(outputs, references)
        loss = float(np.mean(losses))
        return Evaluation(
            {"loss": loss, "perplexity": math.exp(min(loss, 700.0)), **scores.scores},
            scores.signatures,
            predictions,
            index.source.texts(rows),
            references,
            reports={"confusion.tsv": confusion(outputs, references).table()},
            samples=scores.samples,
            statistics=label_statistics(outputs, references),
        )
