"""What an encoder is: vectors of a sequence become a memory and final states."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.layers.parts import Stage
from seq2seq.layers.time_reduction import reduced_length
from seq2seq.state import LSTMState


class EncoderOutput(NamedTuple):
    """What an encoder hands on.

    Attributes:
      memory: ``[B, S, D]``, its outputs; zero past the length.
      memory_length: ``[B]`` int32.
      states: the final state of each layer, ``[B, D]`` each.
    """

    memory: tf.Tensor
    memory_length: tf.Tensor
    states: tuple[LSTMState, ...]


class Encoder(keras.layers.Layer):
    """Reads embedded words, or features of audio. A subclass makes its weights when it is made or when it is first
    called, and says when it is made:

    Attributes:
      depth: D, of the memory.
      state_sizes: of the final states, one per layer, from which the bridge makes the decoder's.
      time_reduction: how many steps of the inputs one position of the memory stands for.
      kernel_reason: what computes it and why, in words, for the log.
    """

    depth: int
    state_sizes: tuple[LSTMState, ...]
    time_reduction = 1
    kernel_reason = "no recurrent kernel"

    def __init__(self, name: str = "encoder") -> None:
        super().__init__(name=name, autocast=False)  # see LSTMCell

    def reduced_length(self, length: tf.Tensor) -> tf.Tensor:
        """``ceil(length / time_reduction)``: how long the memory of ``length`` steps is."""
        return reduced_length(length, self.time_reduction)

    def stages(self) -> tuple[Stage, ...]:
        """What another encoder can take over, from the bottom up; all in one piece where a subclass does not say."""
        return (Stage("its layers", {"encoder": self}),)

    @abstractmethod
    def call(self, inputs: tf.Tensor, length: tf.Tensor, *, training: bool = False) -> EncoderOutput:
        """Reads a batch of sequences; nothing may depend on what stands past a length.

        Args:
          inputs: ``[B, T, E]`` float32, T at least 1.
          length: ``[B]`` integers from 0 to T.
          training: whether dropout is on.
        """
