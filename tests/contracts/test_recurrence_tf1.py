"""Contract 2: the recurrence equals TensorFlow 1's cells and loops; see `test_recurrence_oracle`."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import pytest
import tensorflow as tf

from seq2seq.keras2 import rnn_cell
from seq2seq.layers.lstm_cell import LSTMCell
from seq2seq.layers.tf1_weights import cell_arrays, from_tf1_weights, to_tf1_weights
from seq2seq.state import States, concatenate, stack_from_tf1, stack_to_tf1
from tests.contracts.cells import (
    STACKS,
    B,
    Stack,
    quick_and_slow,
    ways,
)
from tests.contracts.conftest import Proven
from tests.contracts.recurrence import Case, Outcome, assert_same, case, outcome, own_outcome

pytestmark = [  # deprecated, and the oracles
    pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning"),
    pytest.mark.filterwarnings("ignore:The initializer GlorotUniform is unseeded:UserWarning"),
]


class Tf1Cell(NamedTuple):
    """A cell of TensorFlow 1 with the weights of one of ours."""

    cell: Any
    weights: dict[str, tf.Variable]
    forget_bias: float

    @classmethod
    def of(cls, ours: LSTMCell) -> Tf1Cell:
        options = ours.options
        cell = rnn_cell.LSTMCell(
            ours.units,
            use_peepholes=options.use_peepholes,
            cell_clip=options.cell_clip or None,
            num_proj=options.num_proj or None,
            proj_clip=options.proj_clip or None,
            forget_bias=options.forget_bias,
        )
        cell.build(tf.TensorShape([None, ours.kernel.shape[0]]))
        arrays = to_tf1_weights(cell_arrays(ours), options.forget_bias)
        weights = {
            name: weight for weight in cell.trainable_variables for name in arrays if _is(weight, name)
        }
        assert weights.keys() == arrays.keys()
        for name, weight in weights.items():
            weight.assign(arrays[name])
        return cls(cell, weights, options.forget_bias)


def _is(weight: tf.Variable, name: str) -> bool:
    """Whether this is the weight of that name; ``kernel`` ends ``projection/kernel``, too."""
    path = weight.name.split(":")[0]
    return path.endswith(name) and not (name == "kernel" and "projection" in path)


def tf1_run(stack: Stack, layers: list[list[Tf1Cell]], read_case: Case) -> Callable[..., Any]:
    nn, length = tf.compat.v1.nn, read_case.length

    def forward(inputs: tf.Tensor, initial: States) -> tuple[tf.Tensor, States]:
        first, *upper = [layer[0].cell for layer in layers]
        wrapped = [rnn_cell.ResidualWrapper(cell) if stack.residual else cell for cell in upper]
        cell = rnn_cell.MultiRNNCell([first, *wrapped])
        outputs, states = nn.dynamic_rnn(cell, inputs, length, initial_state=stack_to_tf1(initial))
        return outputs, stack_from_tf1(states)

    def backward(inputs: tf.Tensor, initial: States) -> tuple[tf.Tensor, States]:
        bystander = rnn_cell.LSTMCell(1)
        outputs, states = nn.bidirectional_dynamic_rnn(
            bystander,
            layers[0][0].cell,
            inputs,
            length,
            initial_state_fw=bystander.zero_state(B, tf.float32),
            initial_state_bw=stack_to_tf1(initial)[0],
        )
        return outputs[1], stack_from_tf1(states)[1:]

    def bidirectional(inputs: tf.Tensor, _: States) -> tuple[tf.Tensor, States]:
        states = []
        for layer, cells in enumerate(layers):
            both, finals = nn.bidirectional_dynamic_rnn(
                cells[0].cell, cells[1].cell, inputs, length, dtype=tf.float32
            )
            outputs = tf.concat(both, -1)
            inputs = inputs + outputs if stack.residual and layer > 0 else outputs
            states.append(concatenate(*stack_from_tf1(finals)))
        return inputs, tuple(states)

    return {"forward": forward, "backward": backward, "bidirectional": bidirectional}[stack.direction]


def tf1_outcome(stack: Stack, layers: list[list[LSTMCell]], read_case: Case) -> Outcome:
    theirs = [[Tf1Cell.of(cell) for cell in cells] for cells in layers]
    variables = [[cell.weights for cell in cells] for cells in theirs]
    result = outcome(tf1_run(stack, theirs, read_case), read_case, variables)
    # A bias and a bias plus a constant have the same gradient, so none is added.
    by_weights = [
        [from_tf1_weights({name: g.numpy() for name, g in by.items()}, forget_bias=0.0) for by in layer]
        for layer in result.by_weights
    ]
    return result._replace(by_weights=by_weights)


@pytest.mark.parametrize(
    "stack", quick_and_slow(stack for stack in STACKS if not stack.options.layer_norm), ids=str
)
def test_equals_tensorflow_1(stack: Stack, proven: Proven) -> None:
    for way, policies in ways(stack).items():
        layers, ours = own_outcome(stack, way)
        assert_same(ours, tf1_outcome(stack, layers, case(stack, way)))
        proven("equal to TensorFlow 1's cells and loops", stack, policies)
