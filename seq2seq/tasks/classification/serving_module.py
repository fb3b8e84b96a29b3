"""The graph that labels texts."""

from __future__ import annotations

import json

import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.serving.serving_module import (
    LENGTHS,
    Outputs,
    ServingModule,
    at_least_one_row,
    encoded_outputs,
)
from seq2seq.serving.source_text import ABOUT_TEXT, IDS, TEXT, SourceText
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.tasks.classification.classifier import TEXT_SPECS
from seq2seq.tasks.classification.model import ClassificationModel
from seq2seq.text import Tokenizer
from seq2seq.text.label_vocabulary import LabelVocabulary

_NAMES = {
    **ABOUT_TEXT,
    "label": "the likeliest label",
    "labels": "all of them, the same for each row, in the order of their names",
    "probabilities": "of labels, in their order",
}


class ClassificationModule(ServingModule):
    """Signatures of classification.

    Always: ``classify_tokens``, ``encode``. Where the tokenizer is part of the graph also ``classify`` and
    ``tokenize``. A text without any token is read as one unknown token.

    Args:
      model: with its weights. weights: as they are to be kept.
      tokenizer: of the texts.
      labels: of the model.
      limits: see ``ServingModule``.
      max_source_length: texts are cut there, in tokens; 0: nowhere.
      in_graph: whether text is tokenised in the graph.
    """

    names = _NAMES

    def __init__(
        self,
        model: ClassificationModel,
        weights: StoredWeights,
        tokenizer: Tokenizer,
        labels: LabelVocabulary,
        limits: ExportConfig,
        *,
        max_source_length: int,
        in_graph: bool,
    ) -> None:
        super().__init__(weights, limits)
        self._source = SourceText(tokenizer, limits, in_graph=in_graph)
        self._names_of_labels = tuple(labels.labels)
        self._max_source_length = max_source_length
        self._log_probs = self.graph(model.log_probs, *TEXT_SPECS)
        self._encode = self.graph(model.encode, *TEXT_SPECS)
        if in_graph:
            self.resources = [self._source.resources]
            self.add("classify", self._classify, TEXT)
            self.add("tokenize", self._tokenize, TEXT)
        self.add("classify_tokens", self._classify_tokens, IDS, LENGTHS)
        self.add("encode", self._encode_tokens, IDS, LENGTHS)
        self.functions["serving_default"] = self.functions["classify" if in_graph else "classify_tokens"]

    def _labelled(self, ids: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        """Of rows, which may be none and of which each may be empty."""
        count = tf.size(lengths)
        rows = at_least_one_row(ids, lengths, self._source.tokenizer.unknown_id)
        log_probs = self._log_probs(*rows)[:count]  # [B, C]
        names = tf.constant(self._names_of_labels)
        return {
            "label": tf.gather(names, tf.argmax(log_probs, axis=1)),
            "labels": tf.tile(names[tf.newaxis], [count, 1]),
            "probabilities": tf.exp(log_probs),
        }

    def _classify(self, text: tf.Tensor) -> Outputs:
        ids, lengths = self._source.ids_of(text, "text", self._max_source_length)
        return self._labelled(self._source.bounded(ids, "text"), lengths)

    def _classify_tokens(self, ids: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        ids, lengths = self._source.checked(ids, lengths)
        if self._max_source_length:
            ids, lengths = ids[:, : self._max_source_length], tf.minimum(lengths, self._max_source_length)
        return self._labelled(ids, lengths)

    def _tokenize(self, text: tf.Tensor) -> Outputs:
        ids, lengths = self._source.ids_of(text, "text")
        return {"ids": ids, "lengths": lengths}

    def _encode_tokens(self, ids: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        ids, lengths = self._source.checked(ids, lengths)
        steps = tf.shape(ids)[1]
        encoded = self._encode(*at_least_one_row(ids, lengths, self._source.tokenizer.unknown_id))
        return encoded_outputs(encoded._replace(memory=encoded.memory[:, :steps]), lengths > 0)


def text_values(text: str, ids: list[int]) -> dict[str, str]:
    """A text of the run's own language, and its ids, as inputs of the signatures."""
    return {
        "text": f"tf.constant([{json.dumps(text, ensure_ascii=False)}])",
        "ids": f"tf.constant([{ids}])",
        "lengths": f"tf.constant([{len(ids)}])",
    }
