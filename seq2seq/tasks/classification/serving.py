"""A classifier as an export."""

from __future__ import annotations

from typing import Any

import numpy as np

from seq2seq.config.root import TrainConfig
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.serving.manifest import about_tokenizer, limits
from seq2seq.serving.source_text import can_be_in_graph
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.serving.verification import Call
from seq2seq.tasks.classification.model import ClassificationModel
from seq2seq.tasks.classification.serving_calls import classification_calls
from seq2seq.tasks.classification.serving_module import ClassificationModule, text_values
from seq2seq.text.label_vocabulary import LabelVocabulary
from seq2seq.text.tokenizer import Tokenizer

UNUSED = ("max_seconds", "max_beam_width", "max_hypotheses")
"""Limits of what a classifier has not."""


class ClassificationServing:
    """See :class:`seq2seq.tasks.contract.Serving`.

    Raises:
      UserError: the tokenizer is to be in the graph and cannot be.
    """

    def __init__(
        self, config: TrainConfig, model: ClassificationModel, tokenizer: Tokenizer, labels: LabelVocabulary
    ) -> None:
        self._config = config
        self._model = model
        self._tokenizer = tokenizer
        self._labels = labels
        self.in_graph = can_be_in_graph(str(config.export.tokenizer), [tokenizer])

    def module(self, weights: StoredWeights) -> ClassificationModule:
        return ClassificationModule(
            self._model,
            weights,
            self._tokenizer,
            self._labels,
            self._config.export,
            max_source_length=self._config.data.max_source_length,
            in_graph=self.in_graph,
        )

    def calls(self, index: PairIndex) -> list[Call]:
        return classification_calls(
            self._model,
            self._tokenizer,
            self._labels,
            index.source.texts(np.arange(len(index))),
            self._config.export,
            max_source_length=self._config.data.max_source_length,
            in_graph=self.in_graph,
        )

    def example(self, index: PairIndex) -> dict[str, str]:
        """The shortest of the first texts."""
        text = min(index.source.texts(np.arange(min(len(index), 100))), key=len)
        return text_values(text, self._tokenizer.encode([text])[0])

    def manifest(self) -> dict[str, Any]:
        kind = self._config.data.tokenizer.kind
        return {
            "limits": limits(self._config.export, without=UNUSED),
            "tokenizers": {"source": about_tokenizer(kind, self._tokenizer)},
            "labels": self._labels.labels,
        }
