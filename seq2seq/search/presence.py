"""Against loops: what a hypothesis holds already is less likely to come again."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.search.types import Nest, ScorerInputs


class PresencePenalty:
    """``-weight`` for each next token that the hypothesis holds already, however often.

    A :class:`seq2seq.search.types.Scorer`; the additive form of the penalty of Keskar et al. (2019,
    arXiv:1909.05858, section 4.1).

    Args:
      inputs: of the search.
    """

    memory: Nest = ()

    def __init__(self, inputs: ScorerInputs) -> None:
        self._weight = inputs.weight
        self._vocabulary_size = inputs.tokenizer.vocabulary_size
        batch_size = tf.shape(inputs.encoded.memory_length)[0]
        self.initial_state: Nest = tf.zeros([batch_size, self._vocabulary_size])  # 1: the token is there

    def score(self, ids: tf.Tensor, state: Nest, memory: Nest) -> tuple[tf.Tensor, Nest]:
        """See :class:`seq2seq.search.types.Scorer`."""
        state = tf.maximum(state, tf.one_hot(ids, self._vocabulary_size))  # [N, V]
        return -self._weight * state, state
