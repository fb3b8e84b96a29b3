"""The log-probability that a language model gives to lines, token by token."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.datasets.batches.in_order import predict_lines
from seq2seq.datasets.batches.pairs import Batch, Ragged, make_batch
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.masking import MaskingPolicy
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.text.tokenizer import Tokenizer


class LineScore(NamedTuple):
    """How likely a line is.

    Attributes:
      pieces: its tokens, the end the last.
      log_probs: ``[T]`` float32, of each given those before it, in nats.
    """

    pieces: list[str]
    log_probs: np.ndarray

    @property
    def log_prob(self) -> float:
        """Of the whole line, the end included."""
        return float(self.log_probs.sum(dtype=np.float64))


def token_log_probs(model: LanguageModel, batch: Batch) -> tf.Tensor:
    """``[B, T]`` float32: the log-probability of each of ``target_outputs``, in nats; zero past the length."""
    features, _ = model.features(batch.target_inputs, tf.maximum(batch.target_length, 1))
    return log_probs_of(model, features, batch.target_outputs, batch.target_length)


def log_probs_of(model: LanguageModel, features: tf.Tensor, ids: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """The same of ids ``[B, T]``, each predicted from features ``[B, T, D]``."""
    shape = tf.shape(ids)
    real = tf.sequence_mask(length, shape[1])
    if model.masking is MaskingPolicy.STATIC:
        flat, targets = tf.reshape(features, [-1, features.shape[-1]]), tf.reshape(ids, [-1])
        losses = model.output_projection.token_losses(flat, targets, label_smoothing=0.0)
        return -tf.reshape(losses.cross_entropy, shape) * tf.cast(real, tf.float32)
    losses = model.output_projection.token_losses(
        tf.boolean_mask(features, real), tf.boolean_mask(ids, real), label_smoothing=0.0
    )
    return -tf.scatter_nd(tf.where(real), losses.cross_entropy, tf.cast(shape, tf.int64))


def line_batch(example_ids: np.ndarray, lines: Sequence[Sequence[int]], tokenizer: Tokenizer) -> Batch:
    """The batch of these lines of ids, which may be empty; its sources are of no use."""
    return make_batch(
        example_ids,
        Ragged.of([[tokenizer.unknown_id]] * len(lines)),
        Ragged.of(lines),
        source_pad_id=tokenizer.pad_id,
        target_tokenizer=tokenizer,
    )


class StartedLines:
    """A tokenizer whose lines begin with the start, so that none is empty and each says where it begins.

    Args:
      tokenizer: of the lines.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[self._tokenizer.start_id, *ids] for ids in self._tokenizer.encode(texts)]


def tokens_of(batch: Batch) -> list[list[int]]:
    """The sources of a batch of ``StartedLines``, without the start."""
    return [row[1:length].tolist() for row, length in zip(batch.source_ids, batch.source_length)]


class LineScorer:
    """Scores lines; one graph serves every batch.

    Args:
      model: with its weights.
      tokenizer: of the model.
      batch_size: lines that are computed together.
    """

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, batch_size: int) -> None:
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        self._graph = tf.function(
            lambda batch: token_log_probs(model, batch), input_signature=[SIGNATURE], autograph=False
        )

    def __call__(self, lines: Iterable[str]) -> Iterator[LineScore]:
        """Of any number of lines, an empty one as any other; in their order, as they arrive."""
        return predict_started(lines, self._score, self._tokenizer, self._batch_size)

    def _score(self, batch: Batch) -> list[LineScore]:
        rows = tokens_of(batch)
        filled = line_batch(batch.example_ids, rows, self._tokenizer)
        log_probs = self._graph(Batch(*map(tf.constant, filled))).numpy()
        return [
            LineScore(self._tokenizer.pieces([*ids, self._tokenizer.end_id]), row[: len(ids) + 1])
            for ids, row in zip(rows, log_probs)
        ]


def predict_started(
    lines: Iterable[str], predict: Callable[[Batch], Sequence[Any]], tokenizer: Tokenizer, batch_size: int
) -> Iterator[Any]:
    """What ``predict`` makes of lines whose sources are ``<s> line``, in their order; see ``predict_lines``."""
    return predict_lines(
        lines,
        predict,
        empty=_never,
        source_tokenizer=StartedLines(tokenizer),  # type: ignore[arg-type]
        target_tokenizer=tokenizer,
        batch_type="examples",
        batch_size=batch_size,
    )


def _never(line: str) -> Any:
    raise AssertionError("a line that begins with the start is not empty")
