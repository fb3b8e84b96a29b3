"""Weights of one model for another: by name and shape, layer by layer, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np
import tensorflow as tf

from seq2seq.layers.parts import Part, Stage, Table
from seq2seq.text.matching import CommonPieces

Pieces = Callable[[str, str], CommonPieces]
"""What the tokenizers of two sides have in common: that of the new model, then that of the other."""


@dataclass
class Outcome:
    """What became of a part.

    Attributes:
      taken: what fitted, in words.
      left: what did not, with the reason.
      fits: whether any layer fitted; of a part without layers, anything.
    """

    taken: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    fits: bool = False


class Transfer:
    """Fills a model part by part. What one part has filled, a later one leaves as it is."""

    def __init__(self) -> None:
        self._masks: dict[Any, np.ndarray] = {}
        self._origins: dict[Any, str] = {}

    def masks(self, variables: Iterable[tf.Variable]) -> list[np.ndarray]:
        """Of each variable what was taken, bool of its shape."""
        return [self._masks.get(variable.ref(), np.zeros(variable.shape, bool)) for variable in variables]

    def take(self, here: Part, there: Part, pieces: Pieces, origin: str = "") -> Outcome:
        """Fills what fits.

        Args:
          here: a part of the new model. there: the same of another one.
          pieces: of their tokenizers.
          origin: which model the other one is. A table is not filled from two.
        """
        outcome = Outcome()
        self._origin = origin
        for stages, is_chain in ((here.layers, True), (here.others, False)):
            others = {stage.name: stage for stage in (there.layers if is_chain else there.others)}
            for n, stage in enumerate(stages):
                whole = self._take_stage(stage, others.get(stage.name), outcome)
                outcome.fits |= is_chain and (whole or bool(outcome.taken))
                if is_chain and not whole:
                    if above := [stage.name for stage in stages[n + 1 :]]:
                        outcome.left.append(f"{_listed(above)} (above that)")
                    break
        tables = {table.name: table for table in there.tables}
        for table in here.tables:
            self._take_table(table, tables.get(table.name), pieces, outcome)
        if outcome.fits:
            outcome.left += _surplus(here, there)
        outcome.fits |= not here.layers and bool(outcome.taken or not outcome.left)
        return outcome

    def _take_stage(self, here: Stage, there: Stage | None, outcome: Outcome) -> bool:
        """Whether all of it fitted, and nothing is there that is not here."""
        if there is None:
            outcome.left.append(f"{here.name} (none there)")
            return False
        found, missed = [], []
        for name, member in here.members.items():
            variables = named_variables(member)
            if not variables or all(variable.ref() in self._masks for variable in variables.values()):
                continue  # or filled, by what was asked for before
            misfit = "none there"
            if name in there.members:
                theirs = named_variables(there.members[name])
                partial = _fits_by_rows(variables, theirs, here.own_inputs or there.own_inputs)
                misfit = "" if partial else _misfit(variables, theirs)
            if misfit:
                missed.append(f"{name} of {here.name} ({misfit})")
                continue
            found.append(name)
            for path, variable in variables.items():
                self._fill(variable, theirs[path])
            if partial:
                outcome.left.append(f"what is fed back to {here.name} (not on both sides)")
        surplus = [name for name in there.members if name not in here.members]
        missed += [f"{name} of {here.name} (none here)" for name in surplus]
        whole = not missed
        if found:
            outcome.taken.append(here.name if whole else f"{' and '.join(found)} of {here.name}")
        outcome.left += missed
        return whole

    def _fill(self, variable: tf.Variable, value: tf.Variable) -> None:
        """All of it; of kernels with unlike numbers of rows, those that both have."""
        if variable.ref() in self._masks:
            return
        array, theirs, mask = _array(variable).copy(), _array(value), np.zeros(variable.shape, bool)
        rows = (slice(min(len(array), len(theirs))),) if array.ndim else ()
        array[rows], mask[rows] = theirs[rows], True
        variable.assign(array)
        self._masks[variable.ref()] = mask

    def _take_table(self, here: Table, there: Table | None, pieces: Pieces, outcome: Outcome) -> None:
        ref = here.variable.ref()
        if self._origins.get(ref, self._origin) != self._origin:
            return
        if there is None and ref in self._masks:
            return  # it is one with another table, which was filled
        if there is None:
            outcome.left.append(f"{here.name} (none there)")
            return
        if (here.axis, _depth(here)) != (there.axis, _depth(there)):
            outcome.left.append(f"{here.name} ({_sizes(there.variable)} there, {_sizes(here.variable)} here)")
            return
        common = pieces(here.side, there.side)
        value = _array(here.variable).copy()
        mask = self._masks.setdefault(ref, np.zeros(value.shape, bool))
        rows, taken = (np.moveaxis(array, here.axis, 0) for array in (value, mask))
        new = ~taken[common.here].any(axis=tuple(range(1, taken.ndim)))
        is_shared = ref in self._origins  # filled already, as far as the other table has the pieces
        if is_shared and not new.any():
            return
        rows[common.here[new]] = np.moveaxis(_array(there.variable), here.axis, 0)[common.there[new]]
        taken[common.here[new]] = True
        here.variable.assign(value)
        self._origins[ref] = self._origin
        words = f"{here.name} ({new.sum():,} more pieces)" if is_shared else f"{here.name} ({common})"
        (outcome.taken if new.any() else outcome.left).append(words)


def named_variables(root: Any) -> dict[str, tf.Variable]:
    """The variables of a layer by their places in it, each once."""
    seen: set[int] = set()

    def walk(node: Any, path: str) -> Iterator[tuple[str, tf.Variable]]:
        if isinstance(node, tf.Variable):
            yield path, node
            return
        for name, child in sorted(tf.train.TrackableView.children(node).items()):
            if id(child) not in seen:
                seen.add(id(child))
                yield from walk(child, f"{path}/{name}" if path else name)

    return dict(walk(root, ""))


def _misfit(here: Mapping[str, tf.Variable], there: Mapping[str, tf.Variable]) -> str:
    """Why variables do not fit those of another layer; empty where they do."""
    if here.keys() != there.keys():
        only = [f"{_last(name)} only here" for name in here if name not in there]
        only += [f"{_last(name)} only there" for name in there if name not in here]
        return ", ".join(only)
    for name, variable in here.items():
        if variable.shape != there[name].shape:
            return f"{_last(name)} is {_sizes(there[name])} there, {_sizes(variable)} here"
    return ""


def _fits_by_rows(
    here: Mapping[str, tf.Variable], there: Mapping[str, tf.Variable], own_inputs: int | None
) -> bool:
    """Whether variables are the same but for the kernel's rows of what is fed back, which one of them does not have."""
    unlike = [name for name in here if name in there and here[name].shape != there[name].shape]
    if own_inputs is None or here.keys() != there.keys() or [_last(name) for name in unlike] != ["kernel"]:
        return False
    one, other = here[unlike[0]].shape, there[unlike[0]].shape
    return min(one[0], other[0]) == own_inputs and one[1:] == other[1:]


def _surplus(here: Part, there: Part) -> list[str]:
    """Layers of the other model that this one does not have."""
    names = {stage.name for stage in here.layers}
    above = [stage.name for stage in there.layers if stage.name not in names]
    return [f"{_listed(above)} (none here)"] if above else []


def _array(variable: tf.Variable) -> np.ndarray:
    return np.asarray(tf.convert_to_tensor(variable))


def _depth(table: Table) -> list[int]:
    """The sizes of an entry."""
    return [size for axis, size in enumerate(table.variable.shape) if axis != table.axis]


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _sizes(variable: tf.Variable) -> str:
    return "×".join(map(str, variable.shape)) or "one number"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
