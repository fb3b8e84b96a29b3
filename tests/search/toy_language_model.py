"""A language model that can be written down: each token depends on the two before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf


class Trigrams:
    """See `seq2seq.search.language_model.LanguageModel`; the state is the token before the last, [N] int32.

    Args:
        vocabulary_size: V.
        start: the id that everything begins with.
        seed: of the table.
    """

    def __init__(self, vocabulary_size: int, start: int, seed: int = 6) -> None:
        table = np.random.default_rng(seed).normal(size=[vocabulary_size] * 3) * 3
        self.table = table.astype(np.float32)
        self.start_id = start

    def start(self, batch_size: tf.Tensor) -> Any:
        return (tf.fill([batch_size], self.start_id),)

    def step(self, ids: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
        return tf.gather_nd(tf.constant(self.table), tf.stack([state[0], ids], axis=1)), (ids,)

    def log_prob(self, tokens: tuple[int, ...]) -> float:
        """Of all of them, the end among them where it is there, in NumPy."""
        read = (self.start_id, self.start_id, *tokens)
        total = 0.0
        for before, last, token in zip(read, read[1:], tokens):
            logits = self.table[before, last].astype(np.float64)
            total += float(logits[token] - np.log(np.exp(logits).sum()))
        return total
