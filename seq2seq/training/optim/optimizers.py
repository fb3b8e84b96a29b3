"""Adam, AdamW and SGD, from gradients to updated variables.

The updates are TensorFlow's fused kernels (`ResourceApplyAdam` and its kin), one call per variable: on two
CPU cores and 6.4 million parameters a step of Adam takes 4.0 ms, against 9.3 ms for
`keras.optimizers.Adam` of Keras 2.15, whose update is a chain of element-wise operations. The gradients of
embeddings arrive as `tf.IndexedSlices` and are made dense (0.25 ms for 2,560 rows of 256 into 9,712): the
update is then Adam as published, also for rows without a gradient, and takes no longer.

`keras.optimizers.legacy.Adam` calls the same kernel, makes the same updates bit for bit and is as fast; it is
not used because Keras 3 no longer has it, nor ever had its form of AdamW, and a run's checkpoints must outlive both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

import tensorflow as tf

from seq2seq.training.optim.schedules import Schedule
from seq2seq.training.optim.taken import Taken

Gradient = Union[tf.Tensor, tf.IndexedSlices]


def dense_gradients(
    gradients: Sequence[Gradient], variables: Sequence[tf.Variable], l2: tf.Tensor | float = 0.0
) -> list[tf.Tensor]:
    """The gradients as dense float32 tensors, with that of `l2 * sum(kernel ** 2)` added for each kernel.

    Kernels are the variables of two axes or more, embeddings among them; biases and gains are left alone.
    """
    dense = [tf.cast(tf.convert_to_tensor(gradient), tf.float32) for gradient in gradients]
    if isinstance(l2, float) and not l2:
        return dense
    return [
        gradient + 2.0 * l2 * variable if is_kernel(variable) else gradient
        for gradient, variable in zip(dense, variables)
    ]


def is_kernel(variable: tf.Variable) -> bool:
    return variable.shape.rank >= 2


def clip_by_global_norm(
    gradients: Sequence[tf.Tensor], clip_norm: float | None, factor: tf.Tensor | float = 1.0
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Multiplies `gradients` with `factor`, and scales them together so that their global norm is then at most
    `clip_norm` (Pascanu et al. 2013, algorithm 1).

    Returns:
        The scaled gradients, and the norm before clipping (float32 scalar): not finite if any gradient is not.
    """
    norm = tf.linalg.global_norm(gradients) * factor
    if clip_norm is not None:
        factor *= clip_norm / tf.maximum(norm, clip_norm)
    return [gradient * factor for gradient in gradients], norm


class Optimizer(tf.Module):
    """Base of the optimizers: counts updates, asks the schedule for the learning rate, holds the slots.

    Attributes:
        step: int64 scalar variable, the number of updates made.
        scale: float32 scalar variable that multiplies the schedule's learning rate (a plateau lowers it).
        taken: which weights wait or move more slowly, set before `build`; None: none.
    """

    slot_names: tuple[str, ...] = ()

    def __init__(self, schedule: Schedule, *, weight_decay: float = 0.0) -> None:
        super().__init__()
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.scale = tf.Variable(1.0, dtype=tf.float32, trainable=False, name="learning_rate_scale")
        self.slots: list[list[tf.Variable]] = []
        self.taken: Taken | None = None

    def build(self, variables: Sequence[tf.Variable]) -> None:
        """Makes the slots, zeros of the variables' shapes."""
        self.slots = [
            [
                tf.Variable(tf.zeros(variable.shape, tf.float32), trainable=False, name=name)
                for name in self.slot_names
            ]
            for variable in variables
        ]
        if self.taken is not None:
            self.taken.build(variables)

    def learning_rate(self, step: tf.Tensor | int) -> tf.Tensor:
        """The learning rate of update number `step` (from 1), float32 scalar."""
        return self.schedule(step) * self.scale

    def warm_up(self, step: tf.Tensor, waited: int) -> tf.Tensor | float:
        """What update number `step` (float32 scalar, above `waited`) is multiplied with for a weight whose gradients
        were zero for the first `waited` updates, to be update number `step - waited` of a new optimizer."""
        return 1.0

    def trained(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Dense gradients without those of weights that do not move in the next update; for use on a replica."""
        if self.taken is None:
            return list(gradients)
        return self.taken.without_frozen(gradients, self.step + 1)

    def apply(
        self,
        gradients: Sequence[tf.Tensor],
        variables: Sequence[tf.Variable],
        rate_factor: tf.Tensor | float = 1.0,
    ) -> None:
        """Updates `variables` (those of `build`, in their order) with dense float32 `gradients`; `rate_factor`
        multiplies the learning rate of this update."""
        if len(variables) != len(self.slots):
            raise ValueError(f"built for {len(self.slots)} variables, got {len(variables)}")
        step = self.step.read_value() + 1
        self.step.assign(step)
        learning_rate = self.learning_rate(step) * rate_factor
        step = tf.cast(step, tf.float32)
        update = tf.distribute.get_strategy().extended.update  # calls it for the copy of each replica
        if self.taken is not None:
            share = self.taken.share(step)
            for gradient, variable, slots, mask in zip(gradients, variables, self.slots, self.taken.masks):
                update(
                    variable, self._update_slowly, args=(gradient, slots, learning_rate, step, mask, share)
                )
            return
        for gradient, variable, slots in zip(gradients, variables, self.slots):
            update(variable, self._update, args=(gradient, slots, learning_rate, step))

    def _update_slowly(
        self,
        variable: tf.Variable,
        gradient: tf.Tensor,
        slots: Sequence[tf.Variable],
        learning_rate: tf.Tensor,
        step: tf.Tensor,
        mask: tf.Variable,
        share: tf.Tensor,
    ) -> None:
        assert self.taken is not None
        waited, mask = self.taken.freeze_steps, mask.read_value()
        if self.weight_decay:
            before = variable.read_value()
            self._decay(variable, learning_rate)
            Taken.slow(variable, before, mask, share)
        before = variable.read_value()
        self.descend(variable, gradient, slots, learning_rate, step)
        Taken.slow(variable, before, mask, share * self.warm_up(tf.maximum(step, waited + 1.0), waited))

    def _update(
        self,
        variable: tf.Variable,
        gradient: tf.Tensor,
        slots: Sequence[tf.Variable],
        learning_rate: tf.Tensor,
        step: tf.Tensor,
    ) -> None:
        self._decay(variable, learning_rate)
        self.descend(variable, gradient, slots, learning_rate, step)

    def _decay(self, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        if self.weight_decay and is_kernel(variable):
            variable.assign_sub(learning_rate * self.weight_decay * variable)

    def descend(
        self,
        variable: tf.Variable,
        gradient: tf.Tensor,
        slots: Sequence[tf.Variable],
        learning_rate: tf.Tensor,
        step: tf.Tensor,
    ) -> None:
        raise TypeError(f"{type(self).__name__} does not say how it updates a variable")


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, the form at the end of their section 2, where epsilon is not
    bias-corrected)."""

    slot_names = ("mean", "variance")

    def __init__(
        self,
        schedule: Schedule,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(schedule, weight_decay=weight_decay)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def warm_up(self, step: tf.Tensor, waited: int) -> tf.Tensor:
        return self._correction(step - waited) / self._correction(step)

    def _correction(self, step: tf.Tensor) -> tf.Tensor:
        """Of the bias that moments have which start at zero."""
        return tf.sqrt(1.0 - tf.pow(self.beta_2, step)) / (1.0 - tf.pow(self.beta_1, step))

    def descend(
        self,
        variable: tf.Variable,
        gradient: tf.Tensor,
        slots: Sequence[tf.Variable],
        learning_rate: tf.Tensor,
        step: tf.Tensor,
    ) -> None:
        mean, variance = slots
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=mean.handle,
            v=variance.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: kernels shrink by `learning_rate * weight_decay` before
    each update (Loshchilov & Hutter 2019, algorithm 2)."""

    def __init__(
        self,
        schedule: Schedule,
        *,
        weight_decay: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(schedule, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, weight_decay=weight_decay)


class SGD(Optimizer):
    """Gradient descent; with `momentum` m: `velocity = m * velocity - learning_rate * gradient; variable +=
    velocity`, and with `nesterov` the gradient's look-ahead form of it (Sutskever et al. 2013)."""

    def __init__(self, schedule: Schedule, *, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(schedule)
        self.momentum = momentum
        self.nesterov = nesterov
        self.slot_names = ("velocity",) if momentum else ()

    def descend(
        self,
        variable: tf.Variable,
        gradient: tf.Tensor,
        slots: Sequence[tf.Variable],
        learning_rate: tf.Tensor,
        step: tf.Tensor,
    ) -> None:
        if not slots:
            tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=learning_rate, delta=gradient)
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=slots[0].handle,
            lr=learning_rate,
            grad=gradient,
            momentum=self.momentum,
            use_nesterov=self.nesterov,
        )
