"""A speech model as an export."""

from __future__ import annotations

from typing import Any, cast

from seq2seq.config.groups.speech import SpeechTaskConfig
from seq2seq.config.root import TrainConfig
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.serving.manifest import about_tokenizer, limits
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.serving.verification import Call
from seq2seq.tasks.speech.model import SpeechModel
from seq2seq.tasks.speech.serving_calls import speech_calls
from seq2seq.tasks.speech.serving_module import SpeechModule
from seq2seq.tasks.speech.transcriber import search_weight
from seq2seq.text import Tokenizer


class SpeechServing:
    """See :class:`seq2seq.tasks.contract.Serving`."""

    in_graph = False

    def __init__(self, config: TrainConfig, model: SpeechModel, tokenizer: Tokenizer) -> None:
        task = cast(SpeechTaskConfig, config.task)
        self._config = config
        self._model = model
        self._tokenizer = tokenizer
        self._ctc: dict[str, Any] = dict(
            ctc_weight=search_weight(config.search, task), word_times=task.ctc_weight > 0.0
        )

    def module(self, weights: StoredWeights) -> SpeechModule:
        config = self._config
        return SpeechModule(self._model, weights, self._tokenizer, config.search, config.export, **self._ctc)

    def calls(self, index: UtteranceIndex) -> list[Call]:
        config = self._config
        rows = range(min(len(index), config.export.examples))
        return speech_calls(
            self._model,
            self._tokenizer,
            config.search,
            [index.waveform(row) for row in rows],
            config.export,
            **self._ctc,
        )

    def example(self, index: UtteranceIndex) -> dict[str, str]:
        """Silence."""
        options = self._model.features.options
        return {
            "waveforms": "tf.zeros([1, 3])",
            "features": f"tf.zeros([1, 3, {options.mel_bins}])",
            "lengths": "tf.constant([3])",
            "sample_rate": f"tf.constant({options.sample_rate})",
        }

    def manifest(self) -> dict[str, Any]:
        kind = self._config.data.tokenizer.kind
        return {
            "sample_rate": self._model.features.options.sample_rate,
            "search": {"ctc_weight": self._ctc["ctc_weight"]},
            "limits": limits(self._config.export, without=["max_bytes"]),
            "tokenizers": {"target": about_tokenizer(kind, self._tokenizer)},
        }
