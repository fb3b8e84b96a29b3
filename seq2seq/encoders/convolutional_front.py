"""Convolutions over time and frequency, in front of an acoustic encoder."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.keras2 import keras
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.lstm_cell import check_inputs
from seq2seq.layers.time_reduction import length_mask, reduced_length

USUAL_CHANNELS = {"vgg": (64, 128), "strided": (64, 64), "none": ()}
"""By kind; each number is a stage, which halves time and frequency."""


class ConvolutionalFront(keras.layers.Layer):
    """Features of short frames → vectors of longer ones.

    ``vgg``: stages of two 3×3 convolutions and a 2×2 max-pooling (Simonyan & Zisserman 2015; for speech Hori et al.
    2017). ``strided``: stages of one 3×3 convolution with stride 2. ``none``: no stage. A ReLU follows each convolution
    and a linear layer the last stage.

    Every convolution sees zeros beyond a row's own end, whatever the tensor holds there, and no stage normalises over a
    batch: a row's vectors depend on its own real frames alone. After each stage a row of n steps has ceil(n / 2).

    Args:
      kind: one of those above.
      bins: M, of each frame of features.
      size: D, of each vector.
      channels: of each stage; None: two stages, see ``USUAL_CHANNELS``; time is divided by 2 to the number of stages.
      layer_norm: normalise the channels at each point of time and frequency, before each ReLU (Ba et al. 2016).
      dropout: on the vectors.
      variational: one mask for all steps of a sequence.
    """

    def __init__(
        self,
        kind: str = "vgg",
        *,
        bins: int,
        size: int,
        channels: Sequence[int] | None = None,
        layer_norm: bool = False,
        dropout: float = 0.0,
        variational: bool = False,
        name: str = "front",
    ) -> None:
        super().__init__(name=name, autocast=False)  # see LSTMCell
        if kind not in USUAL_CHANNELS:
            raise ValueError(f"front {kind!r} is not one of {', '.join(USUAL_CHANNELS)}")
        channels = USUAL_CHANNELS[kind] if channels is None else tuple(channels)
        if kind == "none" and channels:
            raise ValueError(f"a front of kind none has no stages, and channels are {channels}")
        self.kind = kind
        self.bins = bins
        self.depth = size
        self.time_reduction = 2 ** len(channels)
        repeats = 2 if kind == "vgg" else 1
        self.convolutions = [
            [
                keras.layers.Conv2D(
                    count,
                    3,
                    strides=2 if kind == "strided" else 1,
                    padding="valid",
                    name=f"convolution_{stage}_{k}",
                )
                for k in range(repeats)
            ]
            for stage, count in enumerate(channels)
        ]
        self.norms = [
            [
                keras.layers.LayerNormalization(name=f"norm_{stage}_{k}") if layer_norm else None
                for k in range(repeats)
            ]
            for stage in range(len(channels))
        ]
        self.linear = keras.layers.Dense(size, name="linear")
        self.dropout = Dropout(dropout, variational=variational, name="dropout")

    def reduced_length(self, length: tf.Tensor) -> tf.Tensor:
        """How many vectors become of ``length`` frames."""
        return reduced_length(length, self.time_reduction)

    def call(
        self, features: tf.Tensor, length: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Reads a batch of utterances.

        Args:
          features: ``[B, T, M]`` float32, T at least 1.
          length: ``[B]`` integers from 0 to T.
          training: whether dropout is on.

        Returns:
          vectors ``[B, ceil(T / time_reduction), D]``, zero past each length, and the lengths ``[B]``.

        Raises:
          UserError: features that are not float32 or have another number of bins.
        """
        check_inputs(features, "batch", "time", "bins")
        if features.shape[-1] != self.bins:
            raise UserError(f"features have {features.shape[-1]} bins; this model reads {self.bins}.")
        x = features[..., tf.newaxis] * length_mask(features[..., tf.newaxis], length)
        for convolutions, norms in zip(self.convolutions, self.norms):
            for convolution, norm in zip(convolutions, norms):
                if self.kind == "strided":
                    length = reduced_length(length, 2)
                # One zero on each side: padding="same" with a stride would depend on whether T is even.
                x = convolution(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]))
                x = tf.nn.relu(x if norm is None else norm(x))
                x *= length_mask(x, length)
            if self.kind == "vgg":
                # The zeros past the length never win, since nothing is below 0 after a ReLU.
                x = tf.nn.max_pool2d(x, 2, 2, padding="SAME")
                length = reduced_length(length, 2)
        shape = tf.shape(x)
        vectors = self.linear(tf.reshape(x, [shape[0], shape[1], x.shape[2] * x.shape[3]]))
        return self.dropout(vectors * length_mask(vectors, length), training=training), length
