"""Scheduled sampling (Bengio et al. 2015) that a resumed run repeats exactly."""

from __future__ import annotations

from typing import Callable

import tensorflow as tf

from seq2seq import randomness
from seq2seq.layers.addons import ScheduledEmbeddingTrainingSampler, TrainingSampler


class ScheduledSampler(ScheduledEmbeddingTrainingSampler):
    """TFA's sampler, drawing what a resumed run draws again (TFA's own draws depend on all that came before).

    Args:
      probability: scalar float32, how often the model's own sample is the next input instead of the target.
      embed: from ids ``[N]`` to the decoder's inputs ``[N, E]``.
    """

    def __init__(self, probability: tf.Tensor, embed: Callable[[tf.Tensor], tf.Tensor]) -> None:
        super().__init__(probability, embedding_fn=embed)

    def sample(self, time: tf.Tensor, outputs: tf.Tensor, state: object) -> tf.Tensor:
        """Args: outputs: logits ``[B, V]``. Returns: ``[B]`` int32, -1 where the target is to be used."""
        chosen = randomness.uniform([self.batch_size], time=time) < self.sampling_probability
        noise = -tf.math.log(-tf.math.log(randomness.uniform(tf.shape(outputs), minimum=1e-20, time=time)))
        ids = tf.argmax(outputs + noise, axis=-1, output_type=tf.int32)  # Gumbel-max: a sample of the softmax
        return tf.where(chosen, ids, -1)

    def next_inputs(
        self, time: tf.Tensor, outputs: tf.Tensor, state: object, sample_ids: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, object]:
        """As TFA's, which gathers the sampled rows: how many these are is a dynamic shape, which XLA cannot compile."""
        finished, targets, state = TrainingSampler.next_inputs(self, time, outputs, state, sample_ids)
        sampled = self.embedding_fn(tf.maximum(sample_ids, 0))  # [B, E]
        return finished, tf.where(sample_ids[:, tf.newaxis] >= 0, sampled, targets), state
