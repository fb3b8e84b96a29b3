"""Step functions without a model, for the tests of search."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.search import SpecialIds

SPECIAL_IDS = SpecialIds(start=2, end=3, pad=0)
STEPS = 15  # that a hypothesis may take


class MarkovTable:
    """The next token depends on the last one, on the table a sentence picks, and on the time (so that no two
    hypotheses with the same tokens in another order have the same probability).

    The alignments are a function of the same three things.
    """

    def __init__(
        self, vocabulary_size: int = 8, tables: int = 6, memory_size: int = 4, seed: int = 0
    ) -> None:
        generator = np.random.default_rng(seed)
        self.logits = (
            generator.normal(size=(tables, STEPS, vocabulary_size, vocabulary_size)).astype(np.float32) * 2
        )
        attention = (
            generator.normal(size=(tables, STEPS, vocabulary_size, memory_size)).astype(np.float32) * 2
        )
        self.alignments = np.exp(attention) / np.exp(attention).sum(-1, keepdims=True)
        self.traces = 0

    def inputs(self, tables: Any) -> dict[str, Any]:
        """``state``, ``memory`` and special ids of a search over the sentences that pick ``tables`` [B]."""
        with tf.init_scope():  # inputs of a graph: as its constants they would take seconds to read
            self._tensors = tf.constant(self.logits), tf.constant(self.alignments)
        tables = tf.convert_to_tensor(tables, tf.int32)
        return {"state": {"time": tf.zeros_like(tables)}, "memory": (tables,), "special_ids": SPECIAL_IDS}

    def __call__(self, ids: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor]:
        self.traces += 1
        where = tf.stack([memory[0], state["time"], ids], axis=1)
        logits, alignments = (tf.gather_nd(table, where) for table in self._tensors)
        return logits, {"time": state["time"] + 1}, alignments

    def log_probs(self, table: int, tokens: list[int]) -> np.ndarray:
        """Log-probability of each of ``tokens``, in NumPy."""
        logits = np.stack(
            [self.logits[table, t, last] for t, last in enumerate([SPECIAL_IDS.start, *tokens[:-1]])]
        )
        normalized = logits - np.log(np.exp(logits.astype(np.float64)).sum(-1, keepdims=True))
        return normalized[np.arange(len(tokens)), tokens]
