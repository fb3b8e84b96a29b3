"""Weights that were taken from another run, which wait or move more slowly than the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


class Taken(tf.Module):
    """Says for each weight whether it was taken, and how far these move in an update.

    In the first `freeze_steps` updates a weight that was taken does not move, and its gradient counts for nothing:
    neither for the norm that clipping looks at, nor for what the optimizer keeps of gradients. After them it moves as
    by a new optimizer, times `rate`. What was taken is kept in checkpoints, a bool for each weight.
    """

    def __init__(self, freeze_steps: int = 0, rate: float = 1.0) -> None:
        super().__init__()
        self.freeze_steps = freeze_steps
        self.rate = rate
        self.masks: list[tf.Variable] = []

    def build(self, variables: Sequence[tf.Variable]) -> None:
        """Makes the masks, of nothing."""
        self.masks = [
            tf.Variable(tf.zeros(variable.shape, tf.bool), trainable=False, name="taken")
            for variable in variables
        ]

    def mark(self, masks: Sequence[np.ndarray]) -> None:
        """Takes in what was taken of each variable of `build`, bool of its shape."""
        for variable, mask in zip(self.masks, masks):
            variable.assign(mask)

    def without_frozen(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> list[tf.Tensor]:
        """Dense gradients with zeros where nothing moves in update number `step` (from 1); for use on a replica."""
        if not self.freeze_steps and self.rate:
            return list(gradients)
        frozen = (step <= self.freeze_steps) | (self.rate == 0.0)
        return [
            tf.where(mask.read_value() & frozen, 0.0, gradient)
            for mask, gradient in zip(self.masks, gradients)
        ]

    def share(self, step: tf.Tensor) -> tf.Tensor:
        """What update number `step` (from 1) moves these weights by, as a share of what it would, float32 scalar."""
        return tf.where(step <= self.freeze_steps, 0.0, self.rate)

    @staticmethod
    def slow(variable: tf.Variable, before: tf.Tensor, mask: tf.Tensor, share: tf.Tensor) -> None:
        """Takes back what `variable` has moved too far since it was `before`."""
        after = variable.read_value()
        variable.assign(tf.where(mask, before + share * (after - before), after))
