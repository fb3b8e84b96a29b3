"""What an evaluation found, and how its loss is summed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Callable, NamedTuple, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.data import BatchConfig
from seq2seq.config.groups.task import TaskConfig
from seq2seq.datasets.batches.plan import BatchPlan, evaluation_plan
from seq2seq.datasets.batches.static_shapes import StaticShapes, static_shapes
from seq2seq.metrics.corpus_scorer import CorpusScorer, CorpusScores
from seq2seq.metrics.metric import Comparison


class Evaluation(NamedTuple):
    """How well a model does on a corpus.

    Attributes:
      metrics: by name: ``loss`` (nats per token), ``perplexity``, the task's (``bleu`` and ``chrf``, or ``wer`` and
        ``cer``, in percent), and ``task.extra_metrics``.
      signatures: of the task's metrics, what makes them reproducible.
      predictions: one per example, in the order of the corpus.
      sources, references: the lines of the corpus; of speech, the names of the utterances and their texts.
      reports: by the name of a file in RUN/predictions, what else there is to read about the corpus.
      notes: what makes the metrics say less than they seem to, in sentences.
      samples: of metrics whose noise is known, their values on resampled corpora.
      statistics: of `seq2seq.tasks.statistics`, from which a validation sees how the model fails.
    """

    metrics: dict[str, float]
    signatures: dict[str, str]
    predictions: list[Any]
    sources: list[str]
    references: list[str]
    reports: Mapping[str, str] = MappingProxyType({})
    notes: Sequence[str] = ()
    samples: Mapping[str, Sequence[float]] = MappingProxyType({})
    statistics: Mapping[str, float] = MappingProxyType({})


def output_notes(outputs: Sequence[str]) -> Iterator[str]:
    """Whether a model writes nothing at all, in a sentence."""
    if not any(text.strip() for text in outputs):
        yield f"All {len(outputs):,} outputs are empty."


def build_scorer(config: TaskConfig, tokenizer: str = "13a") -> CorpusScorer:
    """What compares a task's outputs with references.

    Args:
      config: of the task.
      tokenizer: BLEU's.

    Raises:
      UserError: what a metric needs is not installed.
    """
    names = (*config.metrics, *config.extra_metrics)
    return CorpusScorer(names, Comparison(config.lowercase_metric, tokenizer, str(config.metric)))


class Evaluator(Protocol):
    """Measures a model on a split."""

    def evaluate(self, index: Any) -> Evaluation: ...


@runtime_checkable
class SearchEvaluator(Evaluator, Protocol):
    """One of outputs that are searched for, which can be measured without the loss: what `tune` asks for."""

    def scores(self, index: Any, rows: Sequence[int] | None = None) -> CorpusScores:
        """Of the outputs alone, for all examples of an index or the given rows of it."""


class LossGraph:
    """Runs the batches of a corpus through one graph, or through one for each of a few fixed shapes.

    Args:
      sums: what is computed of a batch of tensors.
      signature: what a batch is, as ``tf.TensorSpec``s.
      batch: how batches are filled.
      shapes: how many shapes they have at most; 0: any.
    """

    def __init__(
        self, sums: Callable[[Any], Any], signature: Any, batch: BatchConfig, *, shapes: int = 0
    ) -> None:
        self._size: dict[str, Any] = dict(
            batch_type=str(batch.type), batch_size=batch.size_eval or batch.size
        )
        self._shapes = shapes
        self._graph = tf.function(sums, input_signature=None if shapes else [signature], autograph=False)

    def plan(
        self, source_lengths: np.ndarray, target_lengths: np.ndarray
    ) -> tuple[BatchPlan, StaticShapes | None]:
        """Batches of these lengths ``[N]``, targets without the end; and what they are padded to, if it is fixed."""
        if not self._shapes:
            return evaluation_plan(source_lengths, target_lengths, **self._size), None
        shapes = static_shapes(source_lengths, target_lengths, count=self._shapes, **self._size)
        return shapes.plan(shuffle=False), shapes

    def __call__(self, batch: Any) -> Any:
        """What is computed of a batch of arrays."""
        batch = type(batch)(*map(tf.constant, batch))
        # Where each shape has its graph, it is asked for by name: TensorFlow would warn of so many.
        graph = self._graph.get_concrete_function(batch) if self._shapes else self._graph
        return graph(batch)
