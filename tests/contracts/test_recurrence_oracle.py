"""Contract 2: the recurrence equals Keras', TensorFlow Addons' and a plain loop over its own cell (TensorFlow 1's:
`test_recurrence_tf1`).

Compared are outputs, final states and the gradients by inputs, initial states and every weight, as whole arrays. The
oracles run eagerly, where each costs milliseconds.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.layers.lstm_cell import LSTMCell
from seq2seq.layers.recurrence import cell_over_time
from seq2seq.state import LSTMState, States, concatenate, to_keras
from tests.addons import needs_addons, tfa
from tests.closeness import assert_all_close
from tests.contracts.cells import (
    CELLS,
    STACKS,
    UNITS,
    B,
    D,
    Stack,
    T,
    Way,
    build,
    cells_of,
    normal,
    quick_and_slow,
    read,
    ways,
)
from tests.contracts.conftest import Proven
from tests.contracts.recurrence import Case, Outcome, assert_same, case, outcome, own_outcome, own_variables

pytestmark = [  # deprecated, and the oracles
    pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning"),
    pytest.mark.filterwarnings("ignore:The initializer GlorotUniform is unseeded:UserWarning"),
]


@pytest.mark.parametrize(
    "name", [name for name, options in CELLS.items() if options.cell_clip or options.proj_clip]
)
def test_clips_bite(name: str) -> None:
    """Else no oracle would miss them."""
    options, stack = CELLS[name], Stack(name, "forward", "1 layer")
    inputs, _, (initial,) = case(stack, Way("loop", masked=False))
    ((cell,),) = cells_of(build(stack))
    states = cell_over_time(cell, tf.transpose(inputs, [1, 0, 2]), initial)
    for limit, part in ((options.cell_clip, states.c), (options.proj_clip, states.h)):
        if limit:
            assert 0.1 < np.mean(np.abs(part) == np.float32(limit)) < 0.9
            assert np.max(np.abs(part)) == np.float32(limit)


# --- one layer after the other, each by any function ---

ReadOne = Callable[[LSTMCell, tf.Tensor, tf.Tensor, "LSTMState | None"], tuple[tf.Tensor, LSTMState]]


def in_turn(stack: Stack, layers: list[list[LSTMCell]], read_one: ReadOne, read_case: Case) -> Callable:
    """What a stack means, in the fewest words: ``read_one`` reads forward, over one layer."""
    length = tf.fill([B], T) if read_case.length is None else read_case.length

    def run(inputs: tf.Tensor, initial: States) -> tuple[tf.Tensor, States]:
        states = []
        for layer, cells in enumerate(layers):
            found = []
            for number, cell in enumerate(cells):
                reverse = stack.direction == "backward" or number == 1
                seen = tf.reverse_sequence(inputs, length, seq_axis=1) if reverse else inputs
                start = cell.get_initial_state(batch_size=B) if not initial else initial[layer]
                outputs, state = read_one(cell, seen, length, start)
                found.append(
                    (tf.reverse_sequence(outputs, length, seq_axis=1) if reverse else outputs, state)
                )
            outputs = tf.concat([output for output, _ in found], -1)
            inputs = inputs + outputs if stack.residual and layer > 0 else outputs
            states.append(found[0][1] if len(found) == 1 else concatenate(found[0][1], found[1][1]))
        return inputs, tuple(states)

    return run


def stepwise(
    cell: LSTMCell, inputs: tf.Tensor, length: tf.Tensor, state: LSTMState
) -> tuple[tf.Tensor, LSTMState]:
    outputs = []
    for t in range(inputs.shape[1]):
        real = (t < length)[:, tf.newaxis]
        output, following = cell(inputs[:, t], state)
        state = tf.nest.map_structure(lambda new, old, real=real: tf.where(real, new, old), following, state)
        outputs.append(tf.where(real, output, 0.0))
    return tf.stack(outputs, 1), state


@pytest.mark.parametrize("stack", quick_and_slow(STACKS), ids=str)
def test_equals_a_loop_over_the_cell(stack: Stack, proven: Proven) -> None:
    for way, policies in ways(stack).items():
        (layers, ours), read_case = own_outcome(stack, way), case(stack, way)
        loop = in_turn(stack, layers, stepwise, read_case)
        assert_same(ours, outcome(loop, read_case, own_variables(layers)))
        assert_ends_are_states(stack, ours, read_case)
        proven("equal to a loop over the cell", stack, policies)


def assert_ends_are_states(stack: Stack, ours: Outcome, read_case: Case) -> None:
    lengths = [T] * B if read_case.length is None else read_case.length.numpy()
    output_size = stack.options.num_proj or UNITS
    for b, n in enumerate(lengths):
        assert not np.any(ours.outputs[b, n:])
        h = ours.states[-1].h[b]
        if n == 0 and read_case.initial:
            for final, initial in zip(ours.states, read_case.initial):
                for part, start in zip(final, initial):
                    np.testing.assert_array_equal(part[b], start[b])
        elif n > 0 and not stack.residual:  # a residual output is no h
            if stack.direction != "backward":
                np.testing.assert_array_equal(h[:output_size], ours.outputs[b, n - 1, :output_size])
            if stack.direction != "forward":
                np.testing.assert_array_equal(h[-output_size:], ours.outputs[b, 0, -output_size:])


# --- TensorFlow Addons ---


def addons_cell(ours: LSTMCell) -> tuple[Any, dict[str, tf.Variable]]:
    """The cell of TensorFlow Addons for these options, and its weights by our names."""
    kind = tfa.rnn.LayerNormLSTMCell if ours.options.layer_norm else tfa.rnn.PeepholeLSTMCell
    cell = kind(ours.units)
    cell.build(tf.TensorShape([None, ours.kernel.shape[0]]))
    weights = {"kernel": cell.kernel, "recurrent_kernel": cell.recurrent_kernel, "bias": cell.bias}
    if ours.options.layer_norm:
        for part in ("kernel", "recurrent", "state"):
            norm = getattr(cell, f"{part}_norm")
            weights |= {f"{part}_norm_gamma": norm.gamma, f"{part}_norm_beta": norm.beta}
    else:
        for gate, name in (("i", "input"), ("f", "forget"), ("o", "output")):
            weights[f"peephole_{gate}"] = getattr(cell, f"{name}_gate_peephole_weights")
    for name, weight in weights.items():
        weight.assign(getattr(ours, name))
    return cell, weights


@needs_addons
@pytest.mark.parametrize(
    "stack", quick_and_slow(stack for stack in STACKS if stack.cell in ("layer_norm", "peepholes")), ids=str
)
def test_equals_tensorflow_addons(stack: Stack, proven: Proven) -> None:
    for way, policies in ways(stack).items():
        (layers, ours), read_case = own_outcome(stack, way), case(stack, way)
        twins = {id(cell): addons_cell(cell) for cells in layers for cell in cells}

        def by_keras(
            cell: LSTMCell, inputs: tf.Tensor, length: tf.Tensor, state: LSTMState, twins: dict = twins
        ) -> tuple[tf.Tensor, LSTMState]:
            layer = keras.layers.RNN(
                twins[id(cell)][0], return_sequences=True, return_state=True, zero_output_for_mask=True
            )
            mask = tf.sequence_mask(length, T)
            outputs, h, c = layer(inputs, mask=mask, initial_state=to_keras(state))
            return outputs, LSTMState(h=h, c=c)

        loop = in_turn(stack, layers, by_keras, read_case)
        variables = [[twins[id(cell)][1] for cell in cells] for cells in layers]
        assert_same(ours, outcome(loop, read_case, variables))
        proven("equal to TensorFlow Addons' cells in Keras' loop", stack, policies)


# --- the gradient by hand, in a graph as training runs it, and with recurrent dropout ---


@pytest.mark.parametrize("mask_time", [None, 1, T])
@pytest.mark.parametrize("name", CELLS)
def test_gradient_is_that_of_the_unrolled_loop(name: str, mask_time: int | None) -> None:
    rng = np.random.default_rng(8)
    ((cell,),) = cells_of(build(Stack(name, "forward", "1 layer")))
    start = LSTMState(h=normal(rng, B, cell.output_size), c=normal(rng, B, UNITS))
    mask = None
    if mask_time is not None:
        mask = tf.constant(rng.integers(0, 2, size=(mask_time, B, cell.output_size)) * 2.0, tf.float32)

    def by_hand(inputs: tf.Tensor, initial: States) -> tuple[tf.Tensor, States]:
        states = cell_over_time(cell, tf.transpose(inputs, [1, 0, 2]), initial[0], mask)
        return states.h, (states,)

    def unrolled(inputs: tf.Tensor, initial: States) -> tuple[tf.Tensor, States]:
        (state,), steps = initial, []
        for t in range(T):
            h = state.h if mask is None else state.h * mask[min(t, mask.shape[0] - 1)]
            _, state = cell(inputs[:, t], LSTMState(h=h, c=state.c))
            steps.append(state)
        h, c = (tf.stack(parts) for parts in zip(*steps))
        return h, (LSTMState(h=h, c=c),)

    read_case = Case(normal(rng, B, T, D), None, (start,))
    variables = own_variables([[cell]])
    assert_same(outcome(by_hand, read_case, variables), outcome(unrolled, read_case, variables))


@pytest.mark.parametrize("name", CELLS)
def test_a_graph_of_unknown_shapes_gives_the_same(name: str) -> None:
    """As training runs it: batch and time are unknown when the graph is made."""
    stack = Stack(name, "backward", "1 layer")
    layer = build(stack)
    variables = own_variables([[layer.cell]])

    def run(inputs: tf.Tensor, length: tf.Tensor, initial: States) -> Outcome:
        with tf.GradientTape() as tape:
            tape.watch([inputs, initial])
            outputs, states = read(layer, inputs, length, initial)
            loss = tf.add_n([tf.reduce_sum(tf.sin(value)) for value in (outputs, *states[0])])
        return Outcome(outputs, states, *tape.gradient(loss, (inputs, initial, variables)))

    state = LSTMState(h=tf.TensorSpec([None, layer.cell.output_size]), c=tf.TensorSpec([None, UNITS]))
    in_graph = tf.function(
        run, input_signature=[tf.TensorSpec([None, None, D]), tf.TensorSpec([None], tf.int32), (state,)]
    )
    inputs, length, (initial,) = case(stack, Way("loop", masked=True))
    for read_case in ((inputs, length, (initial,)),
                      (inputs[:3, :2], length[:3] // 2, (LSTMState(*(part[:3] for part in initial)),))):  # fmt: skip
        assert_same(in_graph(*read_case), run(*read_case))
    assert in_graph.experimental_get_tracing_count() == 1


def test_equals_keras_own_layer(proven: Proven) -> None:
    """The plain cell, whose kernels Keras and cuDNN have."""
    for direction in ("forward", "backward"):
        stack = Stack("plain", direction, "1 layer")
        for way, policies in ways(stack).items():
            (((cell,),), ours), read_case = own_outcome(stack, way), case(stack, way)
            twin = keras.layers.LSTM(
                UNITS, return_sequences=True, return_state=True, zero_output_for_mask=True
            )
            twin.build(tf.TensorShape([None, None, D]))
            twin.set_weights([cell.kernel.numpy(), cell.recurrent_kernel.numpy(), cell.bias.numpy()])

            def by_keras(
                _: LSTMCell, inputs: tf.Tensor, length: tf.Tensor, state: LSTMState, twin: Any = twin
            ) -> tuple[tf.Tensor, LSTMState]:
                outputs, h, c = twin(inputs, mask=tf.sequence_mask(length, T), initial_state=to_keras(state))
                return outputs, LSTMState(h=h, c=c)

            kernel, recurrent_kernel, bias = twin.trainable_variables
            variables = [[{"kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias}]]
            theirs = outcome(in_turn(stack, [[cell]], by_keras, read_case), read_case, variables)
            assert_same(ours, theirs)
            proven("equal to keras.layers.LSTM", stack, policies)


def test_layer_runs_within_keras_rnn() -> None:
    """The cell keeps Keras' cell protocol, with a projection, too."""
    stack = Stack("peepholes, projection, clips", "forward", "1 layer")
    reader, (inputs, length, initial) = build(stack), case(stack, Way("loop", masked=True))
    ((cell,),) = cells_of(reader)
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True, zero_output_for_mask=True)
    outputs, h, c = layer(inputs, mask=tf.sequence_mask(length, T), initial_state=to_keras(initial[0]))
    wanted, (final,) = read(reader, inputs, length, initial)
    assert_all_close((wanted, *final), (outputs, h, c))
