"""Contract 2: the recurrence equals TensorFlow 1's, Keras', TensorFlow Addons' and a plain loop over its own cell.

Compared are outputs, final states and the gradients by inputs, initial states and every weight, as whole arrays. The
oracles run eagerly, where each costs milliseconds.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.layers.addons import tfa
from seq2seq.layers.lstm_cell import LSTMCell
from seq2seq.layers.recurrence import cell_over_time
from seq2seq.layers.tf1_weights import cell_arrays, from_tf1_weights, to_tf1_weights
from seq2seq.state import LSTMState, States, concatenate, stack_from_tf1, stack_to_tf1, to_keras
from tests.closeness import assert_all_close, assert_gradients_close, scale_of
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
    random_states,
    read,
    ways,
)
from tests.contracts.conftest import Proven

rnn_cell = tf.compat.v1.nn.rnn_cell
pytestmark = [  # deprecated, and the oracles
    pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning"),
    pytest.mark.filterwarnings("ignore:The initializer GlorotUniform is unseeded:UserWarning"),
]

LENGTHS = {"loop": [4, 1, 0, 3], "keras": [4, 1, 2, 3]}  # Keras' kernel takes no empty row


class Outcome(NamedTuple):
    """What two implementations must agree on. ``by_weights``: by layer, direction and our names."""

    outputs: tf.Tensor
    states: States
    by_inputs: tf.Tensor
    by_states: Any
    by_weights: list[list[dict[str, np.ndarray]]]


class Case(NamedTuple):
    """What is read. ``length`` is None where padding is data; ``initial`` is empty where a stack starts from zeros."""

    inputs: tf.Tensor
    length: tf.Tensor | None
    initial: States


def case(stack: Stack, way: Way) -> Case:
    rng = np.random.default_rng(5)
    length = tf.constant(LENGTHS[way.kernel]) if way.masked else None
    return Case(normal(rng, B, T, D), length, random_states(stack, rng))


def outcome(
    run: Callable[[tf.Tensor, States], tuple[tf.Tensor, States]], read_case: Case, variables: Any
) -> Outcome:
    """Runs and differentiates a sum with random weights, the same for all implementations."""
    inputs, _, initial = read_case
    with tf.GradientTape() as tape:
        tape.watch([inputs, initial])
        outputs, states = run(inputs, initial)
        rng = np.random.default_rng(6)
        loss = tf.add_n(
            [tf.reduce_sum(value * normal(rng, *value.shape)) for value in tf.nest.flatten((outputs, states))]
        )
    by_inputs, by_states, by_weights = tape.gradient(loss, (inputs, initial, variables))
    return Outcome(outputs, states, by_inputs, by_states, by_weights)


def own_variables(layers: list[list[LSTMCell]]) -> list[list[dict[str, tf.Variable]]]:
    return [[{name: getattr(cell, name) for name in cell_arrays(cell)} for cell in cells] for cells in layers]


@functools.cache
def own_outcome(stack: Stack, way: Way) -> tuple[list[list[LSTMCell]], Outcome]:
    """Our cells, and what they give; every oracle asks for the same."""
    reader, read_case = build(stack, way.kernel), case(stack, way)
    length = tf.fill([B], T) if read_case.length is None else read_case.length
    layers = cells_of(reader)
    run = lambda inputs, initial: read(reader, inputs, length, initial)  # noqa: E731
    return layers, outcome(run, read_case, own_variables(layers))


def assert_same(ours: Outcome, theirs: Outcome) -> None:
    assert_all_close(ours[:2], theirs[:2], name="outputs, states")
    assert_gradients_close(ours[2:], theirs[2:], name="gradients")
    assert all(scale_of(array) > 1e-3 for array in tf.nest.flatten(theirs))


# --- TensorFlow 1 ---


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


@pytest.mark.parametrize("stack", [stack for stack in STACKS if not stack.options.layer_norm], ids=str)
def test_equals_tensorflow_1(stack: Stack, proven: Proven) -> None:
    for way, policies in ways(stack).items():
        layers, ours = own_outcome(stack, way)
        assert_same(ours, tf1_outcome(stack, layers, case(stack, way)))
        proven("equal to TensorFlow 1's cells and loops", stack, policies)


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


@pytest.mark.parametrize("stack", STACKS, ids=str)
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


@pytest.mark.parametrize(
    "stack", [stack for stack in STACKS if stack.cell in ("layer_norm", "peepholes")], ids=str
)
def test_equals_tensorflow_addons(stack: Stack, proven: Proven) -> None:
    for way, policies in ways(stack).items():
        (layers, ours), read_case = own_outcome(stack, way), case(stack, way)
        twins = {id(cell): addons_cell(cell) for cells in layers for cell in cells}

        def by_keras(
            cell: LSTMCell, inputs: tf.Tensor, length: tf.Tensor, state: LSTMState, twins: dict = twins
        ) -> tuple[tf.Tensor, LSTMState]:
            layer = tf.keras.layers.RNN(
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
            twin = tf.keras.layers.LSTM(
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
            proven("equal to tf.keras.layers.LSTM", stack, policies)


def test_layer_runs_within_keras_rnn() -> None:
    """The cell keeps Keras' cell protocol, with a projection, too."""
    stack = Stack("peepholes, projection, clips", "forward", "1 layer")
    reader, (inputs, length, initial) = build(stack), case(stack, Way("loop", masked=True))
    ((cell,),) = cells_of(reader)
    layer = tf.keras.layers.RNN(cell, return_sequences=True, return_state=True, zero_output_for_mask=True)
    outputs, h, c = layer(inputs, mask=tf.sequence_mask(length, T), initial_state=to_keras(initial[0]))
    wanted, (final,) = read(reader, inputs, length, initial)
    assert_all_close((wanted, *final), (outputs, h, c))
