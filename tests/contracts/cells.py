"""Every combination of cell, direction, depth and masking policy that ships, small, and what runs it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.layers.lstm_cell import CellOptions, LSTMCell
from seq2seq.layers.recurrence import LSTM, Kernel, choose_kernel
from seq2seq.masking import MaskingPolicy
from seq2seq.state import LSTMState, States

B, T, D, UNITS, PROJ = 4, 4, 3, 5, 4

CELLS = {
    "plain": CellOptions(),
    "peepholes": CellOptions(use_peepholes=True, forget_bias=0.5),
    "projection": CellOptions(num_proj=PROJ),
    "projection, proj_clip": CellOptions(num_proj=PROJ, proj_clip=0.15),
    "cell_clip": CellOptions(cell_clip=0.4),
    "peepholes, projection, clips": CellOptions(
        use_peepholes=True, num_proj=PROJ, cell_clip=0.4, proj_clip=0.15
    ),
    "layer_norm": CellOptions(layer_norm=True),
    "layer_norm, peepholes, projection": CellOptions(layer_norm=True, use_peepholes=True, num_proj=PROJ),
}
"""The clips are so narrow that they bite."""

DIRECTIONS = {"forward": (False,), "backward": (True,), "bidirectional": (False, True)}
"""By name, whether each LSTM of a layer reads in reverse."""

DEPTHS = {"1 layer": (1, False), "2 layers": (2, False), "2 residual layers": (2, True)}
"""By name, how many layers there are, and whether the upper ones are residual."""


class Stack(NamedTuple):
    """What there is besides the masking policy, by the names above."""

    cell: str
    direction: str
    depth: str

    def __str__(self) -> str:
        return f"{self.cell}; {self.direction}; {self.depth}"

    @property
    def options(self) -> CellOptions:
        return CELLS[self.cell]

    @property
    def residual(self) -> bool:
        return DEPTHS[self.depth][1]


STACKS = [
    Stack(*names)
    for names in itertools.product(CELLS, DIRECTIONS, DEPTHS)
    if names[1] != "backward"
    or names[2] == "1 layer"  # reading backward alone is a layer's choice, no encoder's
]

WHOLE = ("plain", "layer_norm, peepholes, projection")
"""Cells of which every direction is met at every depth."""

ONCE = {"1 layer": tuple(DIRECTIONS), "2 layers": ("forward",), "2 residual layers": ("bidirectional",)}
"""Of the other cells, the directions that are met at each depth: layers are stacked whatever their cell is, so every
cell meets every direction and every depth, and not each two of them."""


def quick_and_slow(stacks: Iterable[Stack]) -> list[Any]:
    """For `parametrize`: single layers of every cell, the stacks of `WHOLE`, and slowly `ONCE` of the others."""
    return [
        stack
        if stack.depth == "1 layer" or stack.cell in WHOLE
        else pytest.param(stack, marks=pytest.mark.slow)
        for stack in stacks
        if stack.cell in WHOLE or stack.direction in ONCE[stack.depth]
    ]


class Way(NamedTuple):
    """How a stack runs: the policies that share a way share its graph.

    Attributes:
      kernel: of the recurrence.
      masked: whether the layers see lengths; else padding is data.
    """

    kernel: str
    masked: bool


def ways(stack: Stack, policies: Iterable[MaskingPolicy] = MaskingPolicy) -> dict[Way, list[MaskingPolicy]]:
    """All ways in which a stack runs, as on a GPU, where ``cudnn`` hands plain cells to Keras."""
    found: dict[Way, list[MaskingPolicy]] = {}
    for policy in policies:
        kernel = choose_kernel(policy, stack.options, 0.0, gpu=True).name
        found.setdefault(Way(kernel, policy is not MaskingPolicy.NONE), []).append(policy)
    return found


def build(stack: Stack, kernel: str = "loop") -> LSTM | RecurrentEncoder:
    """The layer that reads, its weights from a fixed seed."""
    layers, residual = DEPTHS[stack.depth]
    reader: LSTM | RecurrentEncoder
    if stack.direction == "backward":
        reader = LSTM(UNITS, options=stack.options, reverse=True, kernel=kernel)
    else:
        reader = RecurrentEncoder(
            layers=layers,
            units=UNITS,
            cell=stack.options,
            bidirectional=stack.direction == "bidirectional",
            residual=residual,
            kernel=Kernel(kernel, "as the test asks"),
        )
    reader(tf.zeros([1, 1, D]), [1])
    rng = np.random.default_rng(11)
    for directions in cells_of(reader):
        for cell in directions:
            for weight in cell.trainable_variables:
                centre = 1.0 if "gamma" in weight.name else 0.0
                weight.assign(centre + rng.normal(0, 0.6, weight.shape))
    return reader


def cells_of(reader: LSTM | RecurrentEncoder) -> list[list[LSTMCell]]:
    """By layer and direction."""
    if isinstance(reader, LSTM):
        return [[reader.cell]]
    return [[lstm.cell for lstm in directions] for directions in reader.stack]


def read(
    reader: LSTM | RecurrentEncoder,
    inputs: tf.Tensor,
    length: tf.Tensor,
    initial_states: States = (),
) -> tuple[tf.Tensor, States]:
    """Outputs ``[B, T, D]`` and the final state of each layer; from zeros, where no states are given."""
    if isinstance(reader, LSTM):
        outputs, final = reader(inputs, length, *initial_states)
        return outputs, (final,)
    encoded = reader(inputs, length, initial_states or None)
    return encoded.memory, encoded.states


def normal(rng: np.random.Generator, *shape: int) -> tf.Tensor:
    return tf.constant(rng.normal(size=shape), tf.float32)


def random_states(stack: Stack, rng: np.random.Generator, rows: int = B) -> States:
    """To start from; none where a stack takes none."""
    if stack.direction == "bidirectional":
        return ()
    output_size = stack.options.num_proj or UNITS
    return tuple(
        LSTMState(h=normal(rng, rows, output_size), c=normal(rng, rows, UNITS))
        for _ in range(DEPTHS[stack.depth][0])
    )
