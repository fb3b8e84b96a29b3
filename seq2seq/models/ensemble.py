"""Several models that read the same source and write the same vocabulary, as one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from seq2seq.decoders.attention_decoder import DecoderOutput, DecoderState
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.layers.attention.mechanism import Memory
from seq2seq.layers.output_projection import OutputProjection, TokenLosses
from seq2seq.masking import MaskingPolicy
from seq2seq.models.encoder_decoder import EncoderDecoder

PROBABILITY, LOG_PROBABILITY = "probability", "log_probability"


def mean_log_probs(logits: Sequence[tf.Tensor], mean: str) -> tf.Tensor:
    """What several models think together.

    Args:
      logits: of each model, ``[..., V]``, not normalised.
      mean: ``probability``: the log of the arithmetic mean of probabilities; ``log_probability``: the mean of
        log-probabilities, normalised again (the geometric mean of probabilities).

    Returns:
      log-probabilities ``[..., V]`` float32.
    """
    log_probs = tf.stack([tf.nn.log_softmax(tf.cast(each, tf.float32)) for each in logits])
    if mean == PROBABILITY:
        return tf.reduce_logsumexp(log_probs, axis=0) - tf.math.log(float(len(logits)))
    if mean == LOG_PROBABILITY:
        return tf.nn.log_softmax(tf.reduce_mean(log_probs, axis=0))
    raise ValueError(f"mean {mean!r} is neither {PROBABILITY} nor {LOG_PROBABILITY}")


class EnsembleMemory(NamedTuple):
    """What each member's decoder attends to."""

    members: tuple[Memory, ...]

    @property
    def mask(self) -> tf.Tensor:
        """``[B, S]`` bool, the same for all."""
        return self.members[0].mask


class EnsembleOutput:
    """The members' projections as one, over their features side by side.

    Args:
      projections: of the members.
      mean: see ``mean_log_probs``.
    """

    def __init__(self, projections: Sequence[OutputProjection], mean: str) -> None:
        self._projections = projections
        self._mean = mean

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Args: ``[N, sum of depths]``. Returns: log-probabilities ``[N, V]`` float32."""
        own = tf.split(features, [projection.depth for projection in self._projections], axis=-1)
        logits = [projection(each) for projection, each in zip(self._projections, own)]
        return mean_log_probs(logits, self._mean)

    def token_losses(self, features: tf.Tensor, targets: tf.Tensor, label_smoothing: float) -> TokenLosses:
        """The cross entropy of what the members think together; see ``OutputProjection.token_losses``.

        Raises:
          ValueError: label smoothing, which belongs to training.
        """
        if label_smoothing:
            raise ValueError(f"an ensemble is not trained; label_smoothing must be 0, not {label_smoothing}")
        cross_entropy = -tf.gather(self(features), targets, batch_dims=1)
        return TokenLosses(cross_entropy, cross_entropy)


class Ensemble(tf.Module):
    """Encoder-decoders as one that is used as ``EncoderDecoder`` is, but for training.

    What the members make of a source travels side by side: memories and features one behind the other in their last
    dimension, states as a tuple. Alignments are the mean of the members'.

    Args:
      members: at least one; of one vocabulary, whose memories of a source have the same length.
      mean: see ``mean_log_probs``.
    """

    def __init__(self, members: Sequence[EncoderDecoder], mean: str = PROBABILITY) -> None:
        super().__init__(name="ensemble")
        self.members = list(members)
        self.mean = mean
        self.output_projection = EnsembleOutput([each.output_projection for each in members], mean)

    @property
    def masking(self) -> MaskingPolicy:
        return self.members[0].masking

    @property
    def attends(self) -> bool:
        """Whether all members do."""
        return all(member.attends for member in self.members)

    def encode(self, *source: Any, **options: Any) -> EncoderOutput:
        """Arguments as for the members' ``encode``."""
        encoded = [member.encode(*source, **options) for member in self.members]
        states: Any = tuple(each.states for each in encoded)
        memory = tf.concat([each.memory for each in encoded], axis=-1)
        return EncoderOutput(memory, encoded[0].memory_length, states)

    def encoded_by_each(self, encoded: EncoderOutput) -> list[EncoderOutput]:
        """What ``encode`` has put together."""
        depths = [member.encoder.depth for member in self.members]
        memories = tf.split(encoded.memory, depths, axis=-1)
        states: Any = encoded.states
        return [EncoderOutput(own, encoded.memory_length, each) for own, each in zip(memories, states)]

    def by_member(self, encoded: EncoderOutput) -> list[tuple[Any, EncoderOutput]]:
        """See ``EncoderDecoder.by_member``."""
        return list(zip(self.members, self.encoded_by_each(encoded)))

    def decode(
        self,
        encoded: EncoderOutput,
        target_inputs: tf.Tensor,
        training: bool = False,
        sampling_probability: tf.Tensor | None = None,
    ) -> DecoderOutput:
        """See ``EncoderDecoder.decode``; features are for ``output_projection``."""
        decoded = [
            member.decode(each, target_inputs, training, sampling_probability)
            for member, each in zip(self.members, self.encoded_by_each(encoded))
        ]
        return DecoderOutput(
            tf.concat([each.features for each in decoded], axis=-1),
            _mean([each.alignments for each in decoded]),
        )

    def start(self, encoded: EncoderOutput) -> tuple[tuple[DecoderState, ...], EnsembleMemory]:
        """See ``EncoderDecoder.start``."""
        started = [member.start(each) for member, each in zip(self.members, self.encoded_by_each(encoded))]
        return tuple(state for state, _ in started), EnsembleMemory(tuple(memory for _, memory in started))

    def step(
        self, ids: tf.Tensor, state: tuple[DecoderState, ...], memory: EnsembleMemory
    ) -> tuple[tf.Tensor, tuple[DecoderState, ...], tf.Tensor]:
        """See ``EncoderDecoder.step``; the logits are log-probabilities."""
        steps = (
            member.step(ids, own, own_memory)
            for member, own, own_memory in zip(self.members, state, memory.members)
        )
        logits, states, alignments = zip(*steps)
        return mean_log_probs(logits, self.mean), states, _mean(alignments)


def _mean(values: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n(list(values)) / len(values)
