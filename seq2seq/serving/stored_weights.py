"""How an export keeps the weights of a model: as they are, rounded to bfloat16, or large matrices in 8 bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from seq2seq.keras2 import keras

LARGE = 2**14
"""Elements a matrix has at least to be kept in 8 bits: smaller ones weigh nothing, and rounding them costs as much."""


class _Kept(Protocol):
    """What stands for a variable of the model."""

    variables: tuple[tf.Variable, ...]

    def value(self) -> tf.Tensor:
        """Float32, in the shape of the variable."""


class _Plain:
    def __init__(self, variable: tf.Variable) -> None:
        self.variables = (variable,)

    def value(self) -> tf.Tensor:
        return tf.convert_to_tensor(self.variables[0])


class _Bfloat16:
    def __init__(self, value: np.ndarray) -> None:
        self.variables = (tf.Variable(tf.cast(value, tf.bfloat16), trainable=False),)

    def value(self) -> tf.Tensor:
        return tf.cast(self.variables[0], tf.float32)


class _Int8:
    """``round(w / scale)``, with one scale for each output: a column of a kernel ``[inputs, outputs]``, a row of a
    table ``[V, D]``."""

    def __init__(self, value: np.ndarray, axis: int) -> None:
        scale = np.maximum(np.abs(value).max(axis=axis, keepdims=True), 1e-12) / 127.0
        quantized = np.clip(np.rint(value / scale), -127, 127).astype(np.int8)
        self.variables = tuple(
            tf.Variable(array, trainable=False) for array in (quantized, scale.astype(np.float32))
        )

    def value(self) -> tf.Tensor:
        return tf.cast(self.variables[0], tf.float32) * self.variables[1]


class _Place(NamedTuple):
    """An attribute of a layer that holds a variable."""

    layer: Any
    name: str


class StoredWeights:
    """The weights of a model as its export keeps them; arithmetic is float32 in any case.

    A graph reads each of them once, before its loops: a variable that is read in every step costs up to a fifth of a
    search.

    Args:
      model: with its weights.
      precision: ``float32`` or ``bfloat16``, of all weights of two or more dimensions.
      int8: whether matrices of ``LARGE`` elements or more are kept in 8 bits instead.

    Attributes:
      variables: what the SavedModel has to keep.
    """

    def __init__(self, model: keras.Model, *, precision: str = "float32", int8: bool = False) -> None:
        self._model = model
        self._kept: dict[Any, _Kept] = {}
        for variable in model.variables:
            shape = variable.shape
            if int8 and shape.rank == 2 and shape.num_elements() >= LARGE:
                self._kept[variable.ref()] = _Int8(
                    variable.numpy(), axis=1 if "table" in variable.name else 0
                )
            elif precision == "bfloat16" and shape.rank >= 2:
                self._kept[variable.ref()] = _Bfloat16(variable.numpy())
            else:
                self._kept[variable.ref()] = _Plain(variable)
        self._places = self._find_places()
        self.variables = [each for kept in self._kept.values() for each in kept.variables]

    @property
    def exact(self) -> bool:
        """Whether nothing is rounded."""
        return not self._rounded

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(variable.shape.num_elements() * variable.dtype.size for variable in self.variables)

    def round(self) -> None:
        """Gives the model the weights that the export has."""
        for reference, kept in self._rounded.items():
            reference.deref().assign(kept.value())

    @property
    def _rounded(self) -> dict[Any, _Kept]:
        return {reference: kept for reference, kept in self._kept.items() if not isinstance(kept, _Plain)}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Lets the layers compute with what is kept; for the outermost graph of a function that is traced."""
        values = {reference: kept.value() for reference, kept in self._kept.items()}
        before = [(place, vars(place.layer)[place.name]) for place in self._places]
        try:
            for place, variable in before:
                # Behind Keras' back, which would track it.
                vars(place.layer)[place.name] = values[variable.ref()]
            yield
        finally:
            for place, variable in before:
                vars(place.layer)[place.name] = variable

    def _find_places(self) -> list[_Place]:
        places, found = [], set()
        for layer in self._model.submodules:
            for name, value in vars(layer).items():
                if isinstance(value, tf.Variable) and value.ref() in self._kept:
                    places.append(_Place(layer, name))
                    found.add(value.ref())
        missing = [reference.deref().name for reference in self._rounded if reference not in found]
        assert not missing, f"no layer has {missing} as an attribute of its own"
        return places
