"""Classification, as the contract of tasks has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from seq2seq.config.auto import Decision
from seq2seq.config.groups.classification import ClassificationModelConfig
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.datasets.readers.pair_reader import PairReader
from seq2seq.errors import UserError
from seq2seq.metrics.label_scores import confusion
from seq2seq.tasks.classification.classifier import Classifier
from seq2seq.tasks.classification.data_report import describe, label_faults
from seq2seq.tasks.classification.ensemble import ClassificationEnsemble
from seq2seq.tasks.classification.evaluator import ClassificationEvaluator
from seq2seq.tasks.classification.labels import KnownLabels, count_labels, labels_of
from seq2seq.tasks.classification.model import ClassificationModel, build_classification_model
from seq2seq.tasks.classification.serving import ClassificationServing
from seq2seq.tasks.classification.sizes import classification_sizes, epochs_and_least
from seq2seq.tasks.classification.training import ClassificationTraining
from seq2seq.tasks.contract import Member
from seq2seq.tasks.data_report import DataReport
from seq2seq.tasks.evaluation import build_scorer
from seq2seq.tasks.readers import splits_of
from seq2seq.tasks.sizes import MOST_UPDATES, TextCounts, count_text, run_length
from seq2seq.tasks.text_task import TextTask
from seq2seq.tasks.tokenizers import Tokenizers, make_tokenizer
from seq2seq.text.label_vocabulary import LabelVocabulary
from seq2seq.text.load import load_tokenizer
from seq2seq.training.reports.plots import save_alignment

LABELS = "labels"
"""The name of the vocabulary of labels in a run's folder."""


class ClassificationTask(TextTask):
    """See `Task`. An example is a pair of a text and its label, whose tokenizer is a `LabelVocabulary`."""

    verbs = frozenset({"classify", "embed"})
    unit = "texts"
    cuts_long = True  # most of a text says as much as all of it
    labels = ("text", "label")

    def require_installed(self) -> None:
        build_scorer(self.config.task)

    # --- data ---

    @cached_property
    def counts(self) -> TextCounts:
        """Of the training texts."""
        return count_text((text,) for text, _ in self.pairs("train").pairs())

    @cached_property
    def label_counts(self) -> Counter[str]:
        """Of the training data."""
        return count_labels(self.pairs("train"))

    def sizes(self) -> dict[str, Decision]:
        return classification_sizes(self.config, self.counts)

    def length(self, steps_per_epoch: int, most: int = MOST_UPDATES) -> dict[str, Decision]:
        epochs, least = epochs_and_least(self.counts)
        return run_length(steps_per_epoch, epochs=epochs, least=least, most=most)

    def examples(self, tokenizers: Tokenizers, split: str) -> PairReader:
        return KnownLabels(self.pairs(split), _labels(tokenizers))

    def tokenizer_texts(self, side: str) -> Iterator[str]:
        return (text for text, _ in self.pairs("train").pairs())

    def make_tokenizers(self, folder: Path) -> Tokenizers:
        """Makes sure of the labels of all splits, too: that of the test comes when the run is over."""
        labels = labels_of(self.label_counts, self.pairs("train"))
        for split in splits_of(self.config.data):
            for _ in KnownLabels(self.pairs(split), labels).pairs():
                pass
        labels.save(folder, LABELS)
        text = make_tokenizer(
            self.config.data, self.tokenizer_texts("source"), "source", folder, self.config.seed
        )
        return Tokenizers(text, labels)

    def load_tokenizers(self, folder: Path) -> Tokenizers:
        return Tokenizers(load_tokenizer(folder, "source"), load_tokenizer(folder, LABELS, [LabelVocabulary]))

    def describe(self, index: PairIndex, tokenizers: Tokenizers, split: str) -> DataReport:
        return describe(index, tokenizers, self.config.data, split)

    def faults_of_files(self) -> Iterator[str]:
        return label_faults({split: self.pairs(split) for split in splits_of(self.config.data)})

    # --- training and evaluation ---

    def model(self, tokenizers: Tokenizers, *, gpu: bool = False) -> ClassificationModel:
        return build_classification_model(
            cast(ClassificationModelConfig, self.config.model),
            self.config.masking,
            vocabulary_size=tokenizers.source.vocabulary_size,
            labels=tokenizers.target.vocabulary_size,
            gpu=gpu,
        )

    def make_training(self, **shared: Any) -> ClassificationTraining:
        return ClassificationTraining(self.config.task, **shared)

    def evaluator(self, model: ClassificationModel, tokenizers: Tokenizers) -> ClassificationEvaluator:
        return ClassificationEvaluator(self.predictor(model, tokenizers), build_scorer(self.config.task))

    def plot(
        self, model: ClassificationModel, tokenizers: Tokenizers, index: PairIndex, folder: Path
    ) -> None:
        found = self.evaluator(model, tokenizers).evaluate(index)
        outputs = [prediction.texts[0] for prediction in found.predictions]
        labels, counts = confusion(outputs, found.references)
        save_alignment(
            folder / "confusion.png",
            source_pieces=labels,
            target_pieces=labels,
            alignment=counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0),
            names=("predicted", "true", "share of a true label's texts"),
        )

    # --- use ---

    def ensemble(self, members: Sequence[Member], mean: str) -> ClassificationEnsemble:
        return ClassificationEnsemble([member.model for member in members], mean)

    def predictor(
        self,
        model: ClassificationModel,
        tokenizers: Tokenizers,
        *,
        alignments: bool = False,
        timestamps: bool = False,
        parts: bool = False,
    ) -> Classifier:
        for asked, what in (
            (alignments, "Alignments are of attention"),
            (timestamps, "Timestamps are of speech"),
            (parts, "Parts of scores are of translation and speech"),
        ):
            if asked:
                raise UserError(f"{what}; a label has none.")
        return Classifier(
            model,
            tokenizers.source,
            _labels(tokenizers),
            n_best=self.config.search.n_best,
            batch_size=self.config.search.batch_size,
            max_source_length=self.config.data.max_source_length,
        )

    def serving(self, model: ClassificationModel, tokenizers: Tokenizers) -> ClassificationServing:
        return ClassificationServing(self.config, model, tokenizers.source, _labels(tokenizers))


def _labels(tokenizers: Tokenizers) -> LabelVocabulary:
    return cast(LabelVocabulary, tokenizers.target)
