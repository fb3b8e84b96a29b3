"""What the rows of one batch hand on to the same rows of the next: the state of truncated back-propagation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.datasets.batches.stream import WHOLE, ReplicaSharding


class CarriedState(tf.Module):
    """A state for each row of the batches, whatever replica has the row: part of every checkpoint.

    Args:
        initial: a nest of tensors ``[R, …]``: the state of R rows before the first batch.
        sharding: which rows each replica has in each micro-batch, all of them in this process.
    """

    def __init__(self, initial: Any, sharding: ReplicaSharding = WHOLE) -> None:
        super().__init__()
        self.rows = [tf.Variable(part, trainable=False, name="carried") for part in tf.nest.flatten(initial)]
        self._nest = lambda: initial  # behind a closure: a module wraps the tuples that it has
        self._replicas = sharding.replicas
        self._parts = sharding.micro_batches * sharding.replicas

    @property
    def signature(self) -> tuple[list[tf.TensorSpec], ...]:
        """Of what ``of`` gives."""
        specs = [tf.TensorSpec([None, *rows.shape[1:]], rows.dtype) for rows in self.rows]
        return (specs,) * self._replicas

    def packed(self, flat: Sequence[tf.Tensor]) -> Any:
        """The nest of these tensors."""
        return tf.nest.pack_sequence_as(self._nest(), flat)

    def of(self, micro_batch: int) -> tuple[list[tf.Tensor], ...]:
        """For each replica the state of its rows, flat; zeros where it has fewer of them than others."""
        return tuple([self._of(rows, part) for rows in self.rows] for part in self._places(micro_batch))

    def keep(self, micro_batch: int, states: Sequence[Sequence[tf.Tensor]]) -> None:
        """Takes the states of a micro-batch, for each tensor those of each replica."""
        for rows, parts in zip(self.rows, states):
            for part, state in zip(self._places(micro_batch), parts):
                numbers = np.arange(part, rows.shape[0], self._parts)
                rows.scatter_update(tf.IndexedSlices(state[: len(numbers)], numbers))

    def _places(self, micro_batch: int) -> range:
        return range(micro_batch * self._replicas, (micro_batch + 1) * self._replicas)

    def _of(self, rows: tf.Variable, part: int) -> tf.Tensor:
        state = rows[part :: self._parts]
        missing = -(-rows.shape[0] // self._parts) - state.shape[0]
        return tf.pad(state, [[0, missing]] + [[0, 0]] * (len(state.shape) - 1)) if missing else state
