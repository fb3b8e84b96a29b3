"""The tokens chosen at every step and where they came from, and the way back through them."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf


class History(NamedTuple):
    """One entry per step; T steps, B sentences, K hypotheses alive after each."""

    tokens: tf.TensorArray
    """T × [B, K] int32."""
    parents: tf.TensorArray
    """T × [B, K] int32: the hypothesis, alive after the step before, that each token extends."""
    alignments: Any
    """T × [B, K, S] float32, in the order of the hypotheses before the step; () where nobody asked."""

    @classmethod
    def empty(cls, steps: tf.Tensor, width: int | tf.Tensor, with_alignments: bool) -> History:
        """Room for ``steps`` entries."""

        known = None if tf.is_tensor(width) else width

        def array(dtype: tf.DType, *inner: int | None) -> tf.TensorArray:
            return tf.TensorArray(dtype, steps, element_shape=[None, known, *inner], clear_after_read=False)

        return cls(array(tf.int32), array(tf.int32), array(tf.float32, None) if with_alignments else ())

    def write(
        self,
        time: tf.Tensor,
        tokens: tf.Tensor,
        parents: tf.Tensor,
        alignments: tf.Tensor | None,
        sentence: tf.Tensor,
        batch_size: tf.Tensor,
    ) -> History:
        """With entry ``time``: what is given of R sentences goes to their places ``sentence`` [R] of B."""

        def spread(values: tf.Tensor) -> tf.Tensor:
            return tf.scatter_nd(
                sentence[:, tf.newaxis], values, [batch_size, *tf.unstack(tf.shape(values))[1:]]
            )

        return History(
            self.tokens.write(time, spread(tokens)),
            self.parents.write(time, spread(parents)),
            () if alignments is None else self.alignments.write(time, spread(alignments)),
        )

    def trace(
        self, lengths: tf.Tensor, slots: tf.Tensor, pad: int, steps: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Follows hypotheses back from their last tokens.

        Args:
          lengths: [B, K] int32 tokens of each hypothesis.
          slots: [B, K] int32: its place among the hypotheses alive after step ``length - 1``.
          pad: what to write past the length.
          steps: [] int32, T: how many steps there were, or at least the longest length.

        Returns:
          ids [B, K, T] int32 and alignments [B, K, T, S] float32 or None.
        """
        times = tf.range(steps)
        tokens, parents = self.tokens.gather(times), self.parents.gather(times)  # [T, B, K]

        def step_back(
            later: tuple[tf.Tensor, tf.Tensor], entry: tuple[tf.Tensor, ...]
        ) -> tuple[tf.Tensor, tf.Tensor]:
            token, parent, time = entry
            slot = later[1]
            before = tf.where(time < lengths, tf.gather(parent, slot, batch_dims=1), slot)
            return tf.gather(token, slot, batch_dims=1), before

        ids, origins = tf.scan(
            step_back, (tokens, parents, times), (tf.zeros_like(slots), slots), reverse=True
        )
        inside = times[:, tf.newaxis, tf.newaxis] < lengths  # [T, B, K]
        ids = tf.transpose(tf.where(inside, ids, pad), [1, 2, 0])
        if not isinstance(self.alignments, tf.TensorArray):
            return ids, None
        alignments = tf.gather(self.alignments.gather(times), origins, batch_dims=2)  # [T, B, K, S]
        alignments = tf.where(inside[..., tf.newaxis], alignments, 0.0)
        return ids, tf.transpose(alignments, [1, 2, 0, 3])
