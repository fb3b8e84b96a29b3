"""The acoustic encoder: convolutions over the features, then LSTM layers that may shorten time further."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.encoders.convolutional_front import ConvolutionalFront
from seq2seq.encoders.recurrent import EncoderOutput, RecurrentEncoder
from seq2seq.layers.time_reduction import reduced_length


class AcousticEncoder(tf.keras.layers.Layer):
    """Features → memory.

    With a front of kind ``none`` and ``reduction="concat"`` it is the listener of Chan et al. (2016); with ``vgg`` and
    projections, ESPnet's encoder ``vggblstmp`` (Watanabe et al. 2018).

    Args:
      front: see ``ConvolutionalFront``.
      recurrent: see ``RecurrentEncoder``, which has ``projection`` and ``reductions`` for this purpose.

    Attributes:
      depth: of the memory. state_sizes: of the states, one per layer.
      time_reduction: how many frames of features one position of the memory stands for.
      kernel_reason: see ``RecurrentEncoder``.
    """

    def __init__(
        self, *, front: ConvolutionalFront, recurrent: RecurrentEncoder, name: str = "encoder"
    ) -> None:
        super().__init__(name=name, autocast=False)  # see LSTMCell
        self.front = front
        self.recurrent = recurrent
        self.depth = recurrent.depth
        self.kernel_reason = recurrent.kernel_reason
        self.state_sizes = recurrent.state_sizes
        self.time_reduction = front.time_reduction * recurrent.time_reduction

    def reduced_length(self, length: tf.Tensor) -> tf.Tensor:
        """``ceil(length / time_reduction)``: how long the memory of ``length`` frames is."""
        return reduced_length(length, self.time_reduction)

    def call(self, features: tf.Tensor, length: tf.Tensor, training: bool = False) -> EncoderOutput:
        """Reads a batch of utterances.

        Args:
          features: ``[B, T, M]`` float32, T at least 1.
          length: ``[B]`` integers from 0 to T.
          training: whether dropout is on.
        """
        vectors, length = self.front(features, length, training=training)
        return self.recurrent(vectors, length, training=training)
