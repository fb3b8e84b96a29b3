"""A vector for each source, as `seq2seq embed` makes it: from the encoder's final state or from its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from seq2seq.layers.pooling import pool
from seq2seq.serving.serving_module import Outputs, keep
from seq2seq.serving.signature import Signature


class Embed(Signature):
    """``vector`` ``[B, D]`` of each source, 0 of an empty one: the final ``h`` of the encoder's last layer.

    Attributes:
      pooling: see ``pool``.
    """

    made_of = "encode"
    about: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"vector": "of the source, as `seq2seq embed` makes it"}
    )
    pooling: ClassVar[str] = "last"

    def outputs(self, known: Outputs) -> Outputs:
        length = known["memory_length"]
        vector = pool(known["memory"], tf.maximum(length, 1), known["h"][:, -1], self.pooling)
        return {"vector": keep(vector, length > 0)}

    def expected(self, known: Mapping[str, Any]) -> dict[str, Any]:
        rows = zip(known["memory"], known["memory_length"], known["h"])
        return {"vector": np.stack([self._of(memory[:length], h[-1]) for memory, length, h in rows])}

    def _of(self, memory: np.ndarray, final: np.ndarray) -> np.ndarray:
        """Of one source: outputs ``[S, D]``, all real, and the final ``h``."""
        return final


class EmbedMean(Embed):
    """The mean of the encoder's outputs over each source."""

    pooling = "mean"

    def _of(self, memory: np.ndarray, final: np.ndarray) -> np.ndarray:
        return memory.sum(axis=0) / max(1, len(memory))


class EmbedMax(Embed):
    """The greatest of the encoder's outputs over each source, unit by unit."""

    pooling = "max"

    def _of(self, memory: np.ndarray, final: np.ndarray) -> np.ndarray:
        return memory.max(axis=0) if len(memory) else np.zeros(memory.shape[-1], np.float32)
