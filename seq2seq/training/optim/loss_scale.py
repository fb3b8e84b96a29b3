"""What keeps small gradients from vanishing in float16."""

from __future__ import annotations

import tensorflow as tf


class LossScale(tf.Module):
    """What the loss is multiplied with: halved when a gradient is not finite, and doubled after `patience` good updates
    (Micikevicius et al. 2018, arXiv:1710.03740, section 3.2).

    Never below 1: gradients that are not finite then are the model's fault.
    """

    def __init__(self, initial: float = 2.0**15, *, patience: int = 2000) -> None:
        super().__init__()
        self.patience = patience
        self.value = tf.Variable(initial, trainable=False, dtype=tf.float32, name="loss_scale")
        self.good = tf.Variable(0, trainable=False, dtype=tf.int64, name="good_updates")

    def update(self, finite: tf.Tensor) -> None:
        """Takes in whether the gradients of a step were finite (bool scalar)."""
        value, good = self.value.read_value(), self.good.read_value() + 1
        grown = tf.where(good < self.patience, value, 2.0 * value)
        self.value.assign(tf.where(finite, grown, tf.maximum(1.0, value / 2.0)))
        self.good.assign(tf.where(finite & (good < self.patience), good, 0))
