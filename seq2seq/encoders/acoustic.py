"""The acoustic encoder: convolutions over the features, then LSTM layers that may shorten time further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from seq2seq.encoders.convolutional_front import ConvolutionalFront
from seq2seq.encoders.encoder import Encoder, EncoderOutput
from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.layers.parts import Stage


class AcousticEncoder(Encoder):
    """Features → memory.

    With a front of kind ``none`` and ``reduction="concat"`` it is the listener of Chan et al. (2016); with ``vgg`` and
    projections, ESPnet's encoder ``vggblstmp`` (Watanabe et al. 2018).

    Args:
      front: see ``ConvolutionalFront``.
      recurrent: see ``RecurrentEncoder``, which has ``projection`` and ``reductions`` for this purpose.

    Attributes: see ``Encoder``.
    """

    def __init__(
        self, *, front: ConvolutionalFront, recurrent: RecurrentEncoder, name: str = "encoder"
    ) -> None:
        super().__init__(name=name)
        self.front = front
        self.recurrent = recurrent
        self.depth = recurrent.depth
        self.kernel_reason = recurrent.kernel_reason
        self.state_sizes = recurrent.state_sizes
        self.time_reduction = front.time_reduction * recurrent.time_reduction

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("convolutions", {"front": self.front}), *self.recurrent.stages())

    def call(self, features: tf.Tensor, length: tf.Tensor, training: bool = False) -> EncoderOutput:
        """Reads a batch of utterances.

        Args:
          features: ``[B, T, M]`` float32, T at least 1.
          length: ``[B]`` integers from 0 to T.
          training: whether dropout is on.
        """
        vectors, length = self.front(features, length, training=training)
        return self.recurrent(vectors, length, training=training)


def build_acoustic_encoder(
    *,
    input_depth: int,
    front: str,
    front_size: int,
    front_channels: Sequence[int],
    front_dropout: float,
    layers: int,
    projection: int,
    reduce_after: Sequence[int],
    reduction: str,
    **recurrent: Any,
) -> AcousticEncoder:
    """The encoder that the keys of ``model.encoder`` describe.

    Args:
      input_depth: of the features.
      front, front_size, front_channels, front_dropout: see ``ConvolutionalFront``.
      layers, projection, reduction: see ``RecurrentEncoder``.
      reduce_after: the layers, from 1, after which time is halved.
      recurrent: all other arguments of ``RecurrentEncoder``.
    """
    return AcousticEncoder(
        front=ConvolutionalFront(
            front, bins=input_depth, size=front_size, channels=front_channels, dropout=front_dropout
        ),
        recurrent=RecurrentEncoder(
            layers=layers,
            projection=projection,
            reductions=[2 if k + 1 in reduce_after else 1 for k in range(layers)],
            reduction=reduction,
            **recurrent,
        ),
    )
