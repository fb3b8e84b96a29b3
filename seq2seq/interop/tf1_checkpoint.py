"""Checkpoints of TensorFlow 1's Saver, and the LSTM cells in them."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.files import atomic_files, is_plain, plain_path
from seq2seq.layers.tf1_weights import COUNTERPARTS, Arrays, CellSizes, tf1_sizes

_FORMER_NAMES = {"weights": "kernel", "biases": "bias", "projection/weights": "projection/kernel"}
"""TensorFlow 1.0 and 1.1 named them so."""

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_PARTS_OF_A_CHECKPOINT = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")


class Tf1Cell(NamedTuple):
    """One cell of a TensorFlow 1 checkpoint.

    Attributes:
        scope: where it is.
        weights: by the names in `COUNTERPARTS`.
        names: of the same in the checkpoint.
        ignored: what else is under the scope, and its shape: the optimizer's slots, averages.
    """

    scope: str
    weights: Arrays
    names: dict[str, str]
    ignored: dict[str, list[int]]


class Tf1Checkpoint:
    """A checkpoint file of TensorFlow 1, of either version.

    Args:
        path: its prefix (`model.ckpt-1000`), one of its files, or the folder whose newest one it is; or a file of
            NumPy's, `.npz`, with arrays of the same names.

    Raises:
        UserError: there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._reader() as reader:
            self._shapes: dict[str, list[int]] = dict(sorted(reader.get_variable_to_shape_map().items()))
        if _OBJECT_GRAPH in self._shapes:
            raise UserError(
                f"{path} is a checkpoint of TensorFlow 2's objects, not one of TensorFlow 1's Saver."
            )

    def lstm_scopes(self) -> dict[str, CellSizes]:
        """The scopes that hold an LSTM cell, by their names or, where no name says so, by their shapes alone.

        Raises:
            UserError: no scope does.
        """
        found = {}
        for scope in sorted({name.rpartition("/")[0] for name in self._shapes}):
            with suppress(UserError):
                found[scope] = tf1_sizes(
                    {name: self._shapes[full] for name, full in self._names(scope).items()}
                )
        if not found:
            raise UserError(
                f"{self.path} holds no LSTM: no scope has a kernel [D + P, 4 * units] and its bias."
            )
        named = {
            s: sizes for s, sizes in found.items() if "lstm" in s.rpartition("/")[2].lower() or any(sizes[2:])
        }
        return named or found

    def sizes(self, scope: str) -> CellSizes:
        """Of the cell under `scope`."""
        return tf1_sizes({name: self._shapes[full] for name, full in self._names(scope).items()}, scope)

    def other_shapes(self) -> dict[str, list[int]]:
        """Of the variables that are no part of an LSTM, nor a slot of another's, as optimizers and averages have."""
        cells = tuple(f"{scope}/" for scope in self.lstm_scopes())
        return {
            name: shape
            for name, shape in self._shapes.items()
            if not name.startswith(cells) and name.rpartition("/")[0] not in self._shapes
        }

    def tensor(self, name: str) -> np.ndarray:
        with self._reader() as reader:
            array: np.ndarray = reader.get_tensor(name).astype(np.float32)
        return array

    def cell(self, scope: str) -> Tf1Cell:
        """The cell under `scope`.

        Raises:
            UserError: there is none, or it cannot be read.
        """
        names = self._names(scope)
        if "kernel" not in names:
            raise UserError(
                f"{self.path} holds no LSTM in the scope {scope}; there are {', '.join(self.lstm_scopes())}."
            )
        with self._reader() as reader:
            weights = {name: reader.get_tensor(full).astype(np.float32) for name, full in names.items()}
        others = [
            name for name in self._shapes if name.startswith(f"{scope}/") and name not in names.values()
        ]
        return Tf1Cell(scope, weights, names, {name: self._shapes[name] for name in others})

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        if self.path.suffix == ".npz":
            yield _ArrayReader(self.path)
            return
        try:
            with _plain_prefix(self._prefix()) as prefix:
                yield tf.train.load_checkpoint(str(prefix))
        except (ValueError, tf.errors.OpError) as error:
            raise UserError(
                f"{self.path} cannot be read as a TensorFlow 1 checkpoint; give its prefix (model.ckpt-1000) or its"
                f" folder. TensorFlow says: {str(error).splitlines()[0]}"
            ) from error

    def _prefix(self) -> Path:
        if not self.path.is_dir():
            return self.path.with_name(_PARTS_OF_A_CHECKPOINT.sub("", self.path.name))
        state = tf.train.get_checkpoint_state(str(self.path))
        if state is None:
            raise ValueError("there is no file `checkpoint` in that folder which names the newest")
        return Path(state.model_checkpoint_path)

    def _names(self, scope: str) -> dict[str, str]:
        """The names of a cell's weights in the checkpoint, by their names in `COUNTERPARTS`."""
        known = {**{name: name for name in COUNTERPARTS}, **_FORMER_NAMES}
        return {now: f"{scope}/{name}" for name, now in known.items() if f"{scope}/{name}" in self._shapes}


class _ArrayReader:
    """A file of NumPy's as `tf.train.load_checkpoint` reads a checkpoint.

    Raises:
        UserError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            with np.load(path, allow_pickle=False) as file:
                self._arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
            raise UserError(f"{path} cannot be read as a file of NumPy's: {error}.") from error

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        return {name: list(array.shape) for name, array in self._arrays.items()}

    def get_tensor(self, name: str) -> np.ndarray:
        return self._arrays[name]


@contextmanager
def _plain_prefix(prefix: Path) -> Iterator[Path]:
    """A prefix that TensorFlow takes as it is, of links to the files of one that it would read as a pattern."""
    if is_plain(prefix):
        yield prefix
        return
    with tempfile.TemporaryDirectory(prefix="seq2seq-") as scratch:
        for file in prefix.parent.glob("*"):
            if file.name == prefix.name or file.name.startswith(f"{prefix.name}."):
                Path(scratch, f"checkpoint{file.name[len(prefix.name) :]}").symlink_to(file.absolute())
        yield Path(scratch, "checkpoint")


def write_checkpoint(prefix: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes tensors by name as `tf.compat.v1.train.Saver` does, and makes the folder where it is missing."""
    with atomic_files(prefix.parent, prefix.name) as unfinished, plain_path(unfinished) as folder:
        tf.raw_ops.SaveV2(
            prefix=os.fsencode(folder / prefix.name),
            tensor_names=list(tensors),
            shape_and_slices=[""] * len(tensors),
            tensors=[tf.constant(tensor) for tensor in tensors.values()],
        )
