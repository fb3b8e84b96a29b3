"""What each of those that decide together says of hypotheses that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from seq2seq.search.loop import any_row_count, restore_static_shape
from seq2seq.search.types import Nest, Scorer, SpecialIds, StepFunction


@dataclass
class StepScorer:
    """A model as a :class:`seq2seq.search.types.Scorer`: its log-probabilities, times ``weight``."""

    step: StepFunction
    initial_state: Nest
    memory: Nest
    weight: float = 1.0

    def score(self, ids: tf.Tensor, state: Nest, memory: Nest) -> tuple[tf.Tensor, Nest]:
        """See :class:`seq2seq.search.types.Scorer`."""
        logits, state, _ = self.step(ids, state, memory)
        return self.weight * tf.nn.log_softmax(tf.cast(logits, tf.float32)), state


def replay(
    scorers: Sequence[Scorer],
    ids: tf.Tensor,
    lengths: tf.Tensor,
    max_length: tf.Tensor,
    special_ids: SpecialIds,
) -> list[tf.Tensor]:
    """The scores of each scorer, summed over the tokens of hypotheses.

    Args:
      scorers: each by itself.
      ids: ``[B, K, T]`` int32, without the end.
      lengths: ``[B, K]`` int32.
      max_length: ``[B]`` int32; a hypothesis that is as long has no end, which shorter ones have.
      special_ids: of the search.

    Returns:
      ``[B, K]`` float32 of each scorer.
    """
    shape, width, time = tf.shape(lengths), tf.shape(ids)[1], tf.shape(ids)[2]
    count = tf.reshape(scored_tokens(lengths, max_length), [-1])
    tokens = tf.reshape(ids, [-1, time])
    is_end = tf.range(time + 1) == tf.reshape(lengths, [-1, 1])
    chosen = tf.where(is_end, special_ids.end, tf.pad(tokens, [[0, 0], [0, 1]]))  # [N, T + 1]
    read = tf.pad(tokens, [[0, 0], [1, 0]], constant_values=special_ids.start)

    def repeated(nest: Nest) -> Nest:
        return tf.nest.map_structure(lambda values: tf.repeat(values, width, axis=0), nest)

    states = tuple(repeated(scorer.initial_state) for scorer in scorers)
    memories = [repeated(scorer.memory) for scorer in scorers]

    def advance(t: tf.Tensor, states: tuple[Nest, ...], sums: tuple[tf.Tensor, ...]) -> tuple[Any, ...]:
        steps = [each.score(read[:, t], *parts) for each, *parts in zip(scorers, states, memories)]
        following = tuple(state for _, state in steps)
        values = [tf.gather(scores, chosen[:, t], batch_dims=1) for scores, _ in steps]
        return (
            t + 1,
            tf.nest.map_structure(restore_static_shape, states, following),
            tuple(total + tf.where(t < count, value, 0.0) for total, value in zip(sums, values)),
        )

    nothing = tuple(tf.zeros_like(count, tf.float32) for _ in scorers)
    loop_vars, most = (tf.constant(0), states, nothing), tf.reduce_max(count)
    invariants = tf.nest.map_structure(any_row_count, loop_vars)
    *_, sums = tf.while_loop(lambda t, *_: t < most, advance, loop_vars, shape_invariants=invariants)
    return [tf.reshape(total, shape) for total in sums]


def scored_tokens(lengths: tf.Tensor, max_length: tf.Tensor) -> tf.Tensor:
    """``[B, K]`` int32: tokens of hypotheses, the end among them where there was one; arguments as for `replay`."""
    return lengths + tf.cast(lengths < max_length[:, tf.newaxis], tf.int32)
