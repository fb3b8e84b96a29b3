"""A language model as an export."""

from __future__ import annotations

from typing import Any

import numpy as np

from seq2seq.config.root import TrainConfig
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.serving.manifest import about_tokenizer, limits
from seq2seq.serving.source_text import can_be_in_graph
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.serving.verification import Call
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.language_model.serving_calls import language_model_calls
from seq2seq.tasks.language_model.serving_module import LanguageModelModule, state_specs, text_values
from seq2seq.text.tokenizer import Tokenizer


class LanguageModelServing:
    """See :class:`seq2seq.tasks.contract.Serving`.

    Raises:
      UserError: the tokenizer is to be in the graph and cannot be.
    """

    def __init__(self, config: TrainConfig, model: LanguageModel, tokenizer: Tokenizer) -> None:
        self._config = config
        self._model = model
        self._tokenizer = tokenizer
        self.in_graph = can_be_in_graph(str(config.export.tokenizer), [tokenizer])

    def module(self, weights: StoredWeights) -> LanguageModelModule:
        search, limits = self._config.search, self._config.export
        parts = (self._model, weights, self._tokenizer, search, limits)
        return LanguageModelModule(*parts, in_graph=self.in_graph)

    def calls(self, index: PairIndex) -> list[Call]:
        texts = index.target.texts(np.arange(len(index)))
        parts = (self._model, self._tokenizer, self._config.search, texts, self._config.export)
        return language_model_calls(*parts, in_graph=self.in_graph)

    def example(self, index: PairIndex) -> dict[str, str]:
        """The shortest of the first lines, before which nothing was read."""
        text = min(index.target.texts(np.arange(min(len(index), 100))), key=len)
        h, c = (f"tf.zeros({[1, *spec.shape[1:]]})" for spec in state_specs(self._model))
        state = {"last": f"tf.constant([{self._tokenizer.start_id}])", "h": h, "c": c}
        return {**text_values(text, self._tokenizer.encode([text])[0]), **state}

    def manifest(self) -> dict[str, Any]:
        kind = self._config.data.tokenizer.kind
        h, c = state_specs(self._model)
        return {
            "state": {"last": self._tokenizer.start_id, "h": list(h.shape[1:]), "c": list(c.shape[1:])},
            "limits": limits(self._config.export, without=["max_seconds"]),
            "tokenizers": {"text": about_tokenizer(kind, self._tokenizer)},
        }
