"""What a language model thinks of a target that is still being written: shallow fusion."""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf

from seq2seq.search.types import Nest


class LanguageModel(Protocol):
    """What fusion asks of a language model over the vocabulary of the targets."""

    def start(self, batch_size: tf.Tensor) -> Nest:
        """The state before the first token: a nest of ``[B, …]`` tensors; batch_size is a scalar int32."""
        ...

    def step(self, ids: tf.Tensor, state: Nest) -> tuple[tf.Tensor, Nest]:
        """``(ids [N] int32, state)`` → logits ``[N, V]`` of the next token, and the next state; ``start_id`` is the
        first that is read."""
        ...


class LanguageModelScorer:
    """``weight · log p(next token | tokens so far)``: shallow fusion (Gulcehre et al. 2015, arXiv:1503.03535, section
    4.1).

    A :class:`seq2seq.search.types.Scorer`. The scores of a hypothesis add up to ``weight`` times the language model's
    log-probability of it, the end included.

    Args:
      model: the language model.
      batch_size: scalar int32, of the search.
      weight: at least 0.

    Raises:
      ValueError: a negative weight.
    """

    memory: Nest = ()

    def __init__(self, model: LanguageModel, batch_size: tf.Tensor, weight: float) -> None:
        if weight < 0.0:
            raise ValueError(f"weight must be at least 0, not {weight}")
        self._model = model
        self._weight = weight
        self.initial_state: Nest = model.start(batch_size)

    def score(self, ids: tf.Tensor, state: Nest, memory: Nest) -> tuple[tf.Tensor, Nest]:
        """See :class:`seq2seq.search.types.Scorer`."""
        logits, state = self._model.step(ids, state)
        return self._weight * tf.nn.log_softmax(tf.cast(logits, tf.float32)), state
