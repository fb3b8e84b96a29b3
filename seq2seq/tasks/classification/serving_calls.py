"""What an export of classification is asked, and what it has to answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.masking import MaskingPolicy
from seq2seq.serving.text_calls import HOSTILE, padded_rows, tokenizer_calls
from seq2seq.serving.verification import BATCH, Call, batches, encoded_outputs, few
from seq2seq.tasks.classification.classifier import TEXT_SPECS, Classifier
from seq2seq.tasks.classification.model import ClassificationModel
from seq2seq.text import Tokenizer
from seq2seq.text.label_vocabulary import LabelVocabulary


def classification_calls(
    model: ClassificationModel,
    tokenizer: Tokenizer,
    labels: LabelVocabulary,
    texts: Sequence[str],
    limits: ExportConfig,
    *,
    max_source_length: int,
    in_graph: bool,
) -> list[Call]:
    """Calls of every signature, with the checkpoint's answers; texts that are too long for a request are left out.

    Args:
      limits: of requests, and how many texts to label; all of them are tokenised.
      Others as for :class:`seq2seq.tasks.classification.serving_module.ClassificationModule`.
    """
    # Whatever stands in the padding, and however much there is, is nothing to a model that masks.
    extra = 0 if model.masking is MaskingPolicy.NONE else 3
    ids = [row[: max_source_length or None] for row in tokenizer.encode(texts)]
    rows = list(_within(texts, ids, limits, extra))[: limits.examples]
    classifier = Classifier(model, tokenizer, labels, max_source_length=max_source_length)
    encode = tf.function(model.encode, input_signature=TEXT_SPECS, autograph=False)
    size = min(BATCH, limits.max_batch)
    default = "classify" if in_graph else "classify_tokens"
    calls: list[Call] = []
    for batch in batches(rows, size):
        expected = _answered(classifier, [texts[row] for row in batch])
        tokens = dict(zip(("ids", "lengths"), padded_rows([ids[row] for row in batch], tokenizer.pad_id)))
        inputs: dict[str, Any] = {"text": [texts[row] for row in batch]} if in_graph else tokens
        calls.append(Call(default, inputs, expected))
    for batch in few([row for row in rows if ids[row]], size):
        some = [texts[row] for row in batch]
        expected = _answered(classifier, some)
        padded, lengths = padded_rows([ids[row] for row in batch], tokenizer.pad_id)
        given = {"ids": np.pad(padded, [(0, 0), (0, extra)], constant_values=-1), "lengths": lengths}
        calls.append(Call("classify_tokens", given, expected))
        calls.append(Call("serving_default", {"text": some} if in_graph else given, expected))
        encoded = encode(padded, lengths)
        widened = encoded._replace(memory=tf.pad(encoded.memory, [[0, 0], [0, extra], [0, 0]]))
        calls.append(Call("encode", given, encoded_outputs(widened)))
    if in_graph:
        hostile = [text[:60] for text in HOSTILE]
        short = [hostile[row] for row in _within(hostile, tokenizer.encode(hostile), limits)]
        calls += [Call("serving_default", {"text": [text]}, _answered(classifier, [text])) for text in short]
        calls += tokenizer_calls(tokenizer, texts, limits)
    return calls


def _within(
    texts: Sequence[str], ids: Sequence[Sequence[int]], limits: ExportConfig, extra: int = 0
) -> Iterator[int]:
    """The rows that a request may have, with so many columns of padding more."""
    for row, (text, its) in enumerate(zip(texts, ids)):
        if len(its) + extra <= limits.max_tokens and len(text.encode()) <= limits.max_bytes:
            yield row


def _answered(classifier: Classifier, texts: Sequence[str]) -> dict[str, Any]:
    predictions = list(classifier.predict(texts))
    return {
        "label": [prediction.texts[0] for prediction in predictions],
        "labels": [classifier.labels.labels] * len(predictions),
        "probabilities": np.exp([prediction.log_probs for prediction in predictions]),
    }
