"""What batches hand on: each row its own state, whatever replica and micro-batch has it; a rate that follows tokens."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.datasets.batches.stream import ReplicaSharding
from seq2seq.training.carried_state import CarriedState
from seq2seq.training.optim.optimizers import SGD
from seq2seq.training.optim.schedules import Constant
from seq2seq.training.step import StepOptions, TrainStep

ROWS = 7


@pytest.mark.parametrize(("replicas", "micro_batches"), [(1, 1), (2, 2), (3, 1), (4, 3)])
def test_rows_have_their_own_state(replicas: int, micro_batches: int) -> None:
    sharding = ReplicaSharding(replicas, 0, replicas, micro_batches)
    initial = np.random.default_rng(1).normal(size=(2, ROWS, 3)).astype(np.float32)
    carried = CarriedState((initial[0], {"c": initial[1]}), sharding)
    shares = sharding.split(np.arange(ROWS))
    for number, micro_batch in enumerate(shares):
        states = carried.of(number)
        assert [len(state[0]) for state in states] == [-(-ROWS // (replicas * micro_batches))] * replicas
        for (_, rows), state in zip(micro_batch, states):
            nest = carried.packed(state)
            np.testing.assert_array_equal(nest[0][: len(rows)], initial[0, rows])
            np.testing.assert_array_equal(nest[1]["c"][: len(rows)], initial[1, rows])
        carried.keep(number, [[part + 10 * (number + 1) for part in parts] for parts in zip(*states)])
    added = {
        row: 10 * (n + 1) for n, micro_batch in enumerate(shares) for _, rows in micro_batch for row in rows
    }
    for rows, before in zip(carried.rows, initial):
        expected = before + np.array([added[row] for row in range(ROWS)], np.float32)[:, None]
        np.testing.assert_array_equal(rows, expected)


class Batch(NamedTuple):
    values: tf.Tensor


def test_a_step_hands_on_and_its_rate_follows_the_tokens() -> None:
    """Of micro-batches: `state + values` is handed on; SGD of sum(weight · state) / tokens by hand."""

    class Model:
        trainable_variables = (tf.Variable(2.0),)

    def loss(model: Any, batch: Batch, training: bool, state: tf.Tensor) -> Any:
        tokens = tf.cast(tf.size(batch.values), tf.float32)
        total = tf.reduce_sum(model.trainable_variables[0] * state)
        return (total, total, tokens), state + batch.values[:, :1]

    model, optimizer, carried = (
        Model(),
        SGD(Constant(0.5)),
        CarriedState(np.zeros((4, 1), np.float32), ReplicaSharding(1, 0, 1, 2)),
    )
    optimizer.build(model.trainable_variables)
    step = TrainStep(
        model=model,
        loss=loss,
        optimizer=optimizer,
        options=StepOptions(accumulate=2, full_batch=8.0),
        signature=(Batch(tf.TensorSpec([None, None])),),
        carried=carried,
    )
    weight, state = 2.0, np.zeros(4)
    for width in (2, 1, 3):
        values = np.arange(4.0 * width).reshape(4, width).astype(np.float32)
        step([[Batch(tf.constant(values[part::2]))] for part in range(2)])
        tokens = 4 * width
        weight -= 0.5 * tokens / 8.0 * state.sum() / tokens
        state += values[:, 0]
        np.testing.assert_allclose(carried.rows[0][:, 0], state)
        assert float(model.trainable_variables[0]) == pytest.approx(weight)
