"""TensorFlow 1's LSTM cells, run and saved as TensorFlow 1 programs did: a graph, a session, a Saver."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.keras2 import rnn_cell
from seq2seq.layers.lstm_cell import CellOptions, LSTMCell
from seq2seq.state import LSTMState, from_tf1, zero_state
from tests.closeness import assert_close

v1 = tf.compat.v1

B, T, D, UNITS, PROJ = 2, 3, 5, 4, 3
INPUTS = np.random.default_rng(3).normal(size=(B, T, D)).astype(np.float32)

VARIANTS: dict[str, tuple[str, CellOptions]] = {
    "lstm": ("LSTMCell", CellOptions()),
    "lstm, no forget bias": ("LSTMCell", CellOptions(forget_bias=0.0)),
    "lstm, peepholes": ("LSTMCell", CellOptions(use_peepholes=True)),
    "lstm, projection": ("LSTMCell", CellOptions(num_proj=PROJ)),
    "lstm, cell_clip": ("LSTMCell", CellOptions(cell_clip=0.3, forget_bias=2.5)),
    "lstm, everything": (
        "LSTMCell",
        CellOptions(use_peepholes=True, num_proj=PROJ, cell_clip=0.5, proj_clip=0.2, forget_bias=0.3),
    ),
    "basic": ("BasicLSTMCell", CellOptions(forget_bias=0.3)),
    "block": ("LSTMBlockCell", CellOptions()),
    "block, peepholes, cell_clip": ("LSTMBlockCell", CellOptions(use_peepholes=True, cell_clip=0.5)),
    "fused": ("LSTMBlockFusedCell", CellOptions(forget_bias=2.5)),
    "fused, peepholes": ("LSTMBlockFusedCell", CellOptions(use_peepholes=True)),
}


class Outcome(NamedTuple):
    """``outputs`` ``[B, T, P]``, the final ``state``, and the cell's weights by their names within its scope."""

    outputs: np.ndarray
    state: LSTMState
    weights: dict[str, np.ndarray]


def cell_scope(kind: str, scope: str = "encoder") -> str:
    """Where the variables of a cell are, as TensorFlow 1 named its scopes."""
    return f"{scope}/rnn/{'basic_lstm_cell' if kind == 'BasicLSTMCell' else 'lstm_cell'}"


def run(
    kind: str,
    options: CellOptions,
    *,
    scope: str = "encoder",
    weights: Mapping[str, np.ndarray] | None = None,
    restore: Path | None = None,
    save: Path | None = None,
    version: int = v1.train.SaverDef.V2,
    optimizer: bool = False,
) -> Outcome:
    """Runs a cell over ``INPUTS``.

    Args:
      kind: the name of its class. options: of the cell.
      scope: of its ``dynamic_rnn``.
      weights: of the cell, by their names within its scope; None: random ones.
      restore, save: prefixes of checkpoints, read before and written after.
      version: of the checkpoint written.
      optimizer: whether the graph has one, with its slots and a global step.
    """
    with tf.Graph().as_default(), v1.Session() as session, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # every class of TensorFlow 1 warns of its age
        with v1.variable_scope(scope):
            outputs, state = _FAMILIES[kind](options)
        if optimizer:
            step = v1.train.get_or_create_global_step()
            v1.train.AdamOptimizer().minimize(tf.reduce_sum(outputs), step)
        session.run(v1.global_variables_initializer())
        rng = np.random.default_rng(4)
        prefix = f"{cell_scope(kind, scope)}/"
        cell = {v.op.name[len(prefix) :]: v for v in v1.trainable_variables()}
        for name, variable in cell.items():
            value = rng.normal(size=variable.shape).astype(np.float32) if weights is None else weights[name]
            variable.load(value, session)
        if restore is not None:
            v1.train.Saver().restore(session, str(restore))
        if save is not None:
            v1.train.Saver(write_version=version).save(session, str(save), write_meta_graph=False)
        outputs, state = session.run([outputs, from_tf1(state)])
        return Outcome(outputs, state, session.run(cell))


def assert_steps_equal(cell: LSTMCell, wanted: Outcome) -> None:
    """Steps through what TensorFlow 1 ran over."""
    state = zero_state(B, UNITS, cell.output_size)
    for t in range(T):
        output, state = cell(tf.constant(INPUTS[:, t]), state)
        assert_close(output, wanted.outputs[:, t])
    assert_close(state.h, wanted.state.h)
    assert_close(state.c, wanted.state.c)


def _lstm_cell(options: CellOptions) -> tuple[tf.Tensor, Any]:
    cell = rnn_cell.LSTMCell(
        UNITS,
        use_peepholes=options.use_peepholes,
        num_proj=options.num_proj or None,
        cell_clip=options.cell_clip or None,
        proj_clip=options.proj_clip or None,
        forget_bias=options.forget_bias,
    )
    return v1.nn.dynamic_rnn(cell, tf.constant(INPUTS), dtype=tf.float32)


def _basic_lstm_cell(options: CellOptions) -> tuple[tf.Tensor, Any]:
    cell = rnn_cell.BasicLSTMCell(UNITS, forget_bias=options.forget_bias)
    return v1.nn.dynamic_rnn(cell, tf.constant(INPUTS), dtype=tf.float32)


def _block_arguments(options: CellOptions) -> dict[str, Any]:
    """What tf.contrib's block cells, which left TensorFlow with 1.15, gave to the operations that are still there."""
    with v1.variable_scope("rnn/lstm_cell"):
        peepholes = [
            v1.get_variable(f"w_{gate}_diag", [UNITS]) if options.use_peepholes else tf.zeros([UNITS])
            for gate in "ifo"
        ]
        return {
            "w": v1.get_variable("kernel", [D + UNITS, 4 * UNITS]),
            "b": v1.get_variable("bias", [4 * UNITS]),
            **dict(zip(("wci", "wcf", "wco"), peepholes)),
            "cell_clip": options.cell_clip or -1.0,
            "use_peephole": options.use_peepholes,
            "forget_bias": options.forget_bias,
        }


def _block_cell(options: CellOptions) -> tuple[tf.Tensor, Any]:
    arguments = _block_arguments(options)
    c = h = tf.zeros([B, UNITS])
    outputs = []
    for t in range(T):
        step = tf.raw_ops.LSTMBlockCell(x=INPUTS[:, t], cs_prev=c, h_prev=h, **arguments)
        c, h = step.cs, step.h
        outputs.append(h)
    return tf.stack(outputs, 1), (c, h)


def _block_fused_cell(options: CellOptions) -> tuple[tf.Tensor, Any]:
    zeros = tf.zeros([B, UNITS])
    steps = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.constant(T, tf.int64),
        x=INPUTS.transpose(1, 0, 2),
        cs_prev=zeros,
        h_prev=zeros,
        **_block_arguments(options),
    )
    return tf.transpose(steps.h, [1, 0, 2]), (steps.cs[-1], steps.h[-1])


_FAMILIES = {
    "LSTMCell": _lstm_cell,
    "BasicLSTMCell": _basic_lstm_cell,
    "LSTMBlockCell": _block_cell,
    "LSTMBlockFusedCell": _block_fused_cell,
}
