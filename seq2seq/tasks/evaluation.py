"""What an evaluation found."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Evaluation(NamedTuple):
    """How well a model does on a corpus.

    Attributes:
      metrics: by name: ``loss`` (nats per token), ``perplexity``, and the task's: ``bleu`` and ``chrf``, or ``wer`` and
        ``cer`` (percent).
      signatures: of the task's metrics, what makes them reproducible.
      predictions: one per example, in the order of the corpus.
      sources, references: the lines of the corpus; of speech, the names of the utterances and their texts.
      reports: by the name of a file in RUN/predictions, what else there is to read about the corpus.
    """

    metrics: dict[str, float]
    signatures: dict[str, str]
    predictions: list[Any]
    sources: list[str]
    references: list[str]
    reports: Mapping[str, str] = MappingProxyType({})
