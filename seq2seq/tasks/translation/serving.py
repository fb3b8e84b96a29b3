"""A translation model as an export."""

from __future__ import annotations

from typing import Any

import numpy as np

from seq2seq.config.root import TrainConfig
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.serving.manifest import about_tokenizer, limits
from seq2seq.serving.source_text import can_be_in_graph
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.serving.verification import Call
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.tasks.translation.model import TranslationModel
from seq2seq.tasks.translation.serving_calls import translation_calls
from seq2seq.tasks.translation.serving_module import TranslationModule, pair_values


class TranslationServing:
    """See :class:`seq2seq.tasks.contract.Serving`.

    Raises:
      UserError: the tokenizer is to be in the graph and cannot be.
    """

    def __init__(self, config: TrainConfig, model: TranslationModel, tokenizers: Tokenizers) -> None:
        self._config = config
        self._model = model
        self._tokenizers = tokenizers
        self.in_graph = can_be_in_graph(str(config.export.tokenizer), tokenizers)

    def module(self, weights: StoredWeights) -> TranslationModule:
        config = self._config
        return TranslationModule(
            self._model,
            weights,
            *self._tokenizers,
            config.search,
            config.export,
            max_source_length=config.data.max_source_length,
            in_graph=self.in_graph,
        )

    def calls(self, index: PairIndex) -> list[Call]:
        config = self._config
        sources, targets = (side.texts(np.arange(len(index))) for side in (index.source, index.target))
        return translation_calls(
            self._model,
            *self._tokenizers,
            config.search,
            list(zip(sources, targets)),
            config.export,
            max_source_length=config.data.max_source_length,
            in_graph=self.in_graph,
        )

    def example(self, index: PairIndex) -> dict[str, str]:
        """The shortest of the first pairs that have two sides."""
        rows = np.arange(min(len(index), 100))
        pairs = zip(*(side.texts(rows) for side in (index.source, index.target)))
        shortest = next(
            (pair for pair in sorted(pairs, key=lambda pair: len(pair[0])) if all(map(str.strip, pair))), None
        )
        if shortest is None:
            return {}
        source, target = (tokenizer.encode([text])[0] for tokenizer, text in zip(self._tokenizers, shortest))
        return pair_values(shortest, (source, target))

    def manifest(self) -> dict[str, Any]:
        kind = self._config.data.tokenizer.kind
        return {
            "limits": limits(self._config.export, without=["max_seconds"]),
            "tokenizers": {
                side: about_tokenizer(kind, tokenizer)
                for side, tokenizer in self._tokenizers._asdict().items()
            },
        }
