"""What a model is made of, as one model hands it to another: layers from the bottom up, and tables of a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf


class Stage(NamedTuple):
    """Layers that work side by side.

    Attributes:
      name: for people: ``layer 2``.
      members: layers by what they are (``forward``, ``backward``), the same in every model.
      own_inputs: of cells that also read what is fed back to them, how many of their kernels' first rows are for their
        own inputs; None: all.
    """

    name: str
    members: Mapping[str, Any]
    own_inputs: int | None = None


class Table(NamedTuple):
    """A variable with an entry for each piece of a vocabulary.

    Attributes:
      name: for people: ``source embedding``; the same in every model.
      variable: the table; may be another one's, too.
      side: of which tokenizer: ``source`` or ``target``.
      axis: along which pieces lie.
    """

    name: str
    variable: tf.Variable
    side: str
    axis: int = 0


class Part(NamedTuple):
    """A part that can be taken on its own.

    Attributes:
      layers: from the bottom up: what is above something that is not taken is of no use.
      others: each by itself.
      tables: each by itself, piece by piece.
    """

    layers: tuple[Stage, ...] = ()
    others: tuple[Stage, ...] = ()
    tables: tuple[Table, ...] = ()

    def with_(self, other: Part) -> Part:
        """What both have."""
        return Part(self.layers + other.layers, self.others + other.others, self.tables + other.tables)
