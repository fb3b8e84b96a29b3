"""TensorFlow Addons, and what takes its place where it does not exist.

Addons ended with TensorFlow 2.15. It is told not to use its custom ops: none may reach a graph that a stock server
loads.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, Callable

import tensorflow as tf

os.environ.setdefault("TF_ADDONS_PY_OPS", "1")

try:
    with warnings.catch_warnings():  # its end of life is known, see pyproject.toml
        warnings.filterwarnings("ignore", message=r"\s*TensorFlow Addons")
        import tensorflow_addons as tfa
except ImportError:  # also where it is installed beside a TensorFlow whose Keras is 3
    tfa = None


class EmbeddingTrainingSampler:
    """The part of ``tfa.seq2seq.ScheduledEmbeddingTrainingSampler`` that reads the targets, with the same interface.

    Args:
      sampling_probability: scalar float32.
      embedding_fn: from ids ``[N]`` to inputs ``[N, E]``.
    """

    def __init__(
        self, sampling_probability: tf.Tensor, embedding_fn: Callable[[tf.Tensor], tf.Tensor]
    ) -> None:
        self.sampling_probability = sampling_probability
        self.embedding_fn = embedding_fn
        self.batch_size: tf.Tensor | None = None

    def initialize(self, inputs: tf.Tensor, sequence_length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Whether rows have ended, and their first inputs.

        Args:
          inputs: ``[B, T, E]``.
          sequence_length: ``[B]`` int32.
        """
        steps = tf.transpose(inputs, [1, 0, 2])
        self.batch_size = tf.shape(steps)[1]
        self._sequence_length = sequence_length
        self._zeros = tf.zeros_like(steps[0])
        self._steps = tf.TensorArray(inputs.dtype, tf.shape(steps)[0]).unstack(steps)
        return self._read(0)

    def next_inputs(self, time: tf.Tensor, outputs: Any, state: Any, sample_ids: Any) -> tuple[Any, Any, Any]:
        """Returns: whether rows have ended ``[B]``, the targets after ``time`` ``[B, E]``, and the state as it is."""
        return (*self._read(time + 1), state)

    def _read(self, time: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        finished = time >= self._sequence_length
        return finished, tf.cond(tf.reduce_all(finished), lambda: self._zeros, lambda: self._steps.read(time))


ScheduledEmbeddingTrainingSampler: Any = EmbeddingTrainingSampler
TrainingSampler: Any = EmbeddingTrainingSampler
"""Whose ``next_inputs`` are the targets."""
if tfa is not None:
    ScheduledEmbeddingTrainingSampler = tfa.seq2seq.ScheduledEmbeddingTrainingSampler
    TrainingSampler = tfa.seq2seq.TrainingSampler
