"""One training step, as one graph."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from seq2seq.training.moving_average import MovingAverage
from seq2seq.training.optimizers import Optimizer, clip_by_global_norm, dense_gradients

logger = logging.getLogger(__name__)

# Operations whose random state lives in the kernel, out of reach of a checkpoint.
_HIDDEN_RANDOM_STATE = {
    "Multinomial", "ParameterizedTruncatedNormal", "RandomGammaV3", "RandomPoissonV2", "RandomShuffle",
    "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "TruncatedNormal",
}  # fmt: skip


class StepReport(NamedTuple):
    """What a step tells the loop."""

    loss: float  # per target token
    cross_entropy: float  # per target token, nats
    gradient_norm: float  # before clipping
    learning_rate: float
    tokens: float  # target tokens
    finite: bool  # False: loss or gradient held NaN or infinity, and nothing was updated


class TrainStep(tf.Module):
    """Loss, gradient, clipping and update for one batch, traced once for all batch shapes, or once for each.

    The sums of all tokens are divided once by the number of tokens. An update whose loss or gradient is not
    finite is left out in the graph: weights, slots, averages and the number of steps stay as they were.

    Args:
        model: has `trainable_variables`, all of which exist by now.
        loss: maps (model, batch, training) to `Loss(total, cross_entropy, tokens)`, sums over the batch.
        optimizer: built for the model's trainable variables.
        clip_norm: the largest global norm of the gradient, or None.
        l2: weight of the sum of squared kernels, as a part of the differentiated loss; reported losses are
            without it.
        average: built likewise; takes in the weights after each update.
        signature: the batch as `tf.TensorSpec`s, with None for what changes; without it each new shape is
            traced.
        jit_compile: whether XLA compiles the whole step; the batches then have fixed shapes, and no signature.
    """

    def __init__(
        self,
        *,
        model: Any,
        loss: Callable[[Any, Any, bool], Any],
        optimizer: Optimizer,
        clip_norm: float | None = None,
        l2: float = 0.0,
        average: MovingAverage | None = None,
        signature: Any = None,
        jit_compile: bool = False,
    ) -> None:
        super().__init__()
        self._model = model
        self._loss = loss
        self._optimizer = optimizer
        self._clip_norm = clip_norm
        self._l2 = l2
        self._average = average
        self._variables = list(model.trainable_variables)
        if not self._variables:
            raise ValueError("the model has no trainable variables; build it before training")
        self._graph_per_shape = signature is None
        self._function = tf.function(
            self._step,
            input_signature=None if signature is None else [signature],
            jit_compile=jit_compile or None,
        )

    def __call__(self, batch: Any) -> StepReport:
        """Makes one update from `batch`."""
        function = self._function
        if self._graph_per_shape:  # asked for by name: TensorFlow would warn of so many
            function = function.get_concrete_function(batch)
        loss, cross_entropy, norm, learning_rate, tokens, finite = function(batch).numpy().tolist()
        return StepReport(loss, cross_entropy, norm, learning_rate, tokens, bool(finite))

    @property
    def traces(self) -> int:
        """How many graphs were traced so far."""
        return self._function.experimental_get_tracing_count()

    def _step(self, batch: Any) -> tf.Tensor:
        variables = self._variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            total, cross_entropy, tokens = self._loss(self._model, batch, True)
            loss = total / tokens
        found = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.NONE)
        _warn_of_unreached(variables, found)
        gradients = [
            tf.zeros(variable.shape) if gradient is None else gradient
            for gradient, variable in zip(found, variables)
        ]
        gradients, norm = clip_by_global_norm(
            dense_gradients(gradients, variables, self._l2), self._clip_norm
        )
        learning_rate = self._optimizer.learning_rate(self._optimizer.step + 1)
        finite = tf.math.is_finite(loss) & tf.math.is_finite(norm)
        tf.cond(finite, lambda: self._update(gradients), lambda: False)
        _warn_of_hidden_random_state()
        return tf.stack(
            [loss, cross_entropy / tokens, norm, learning_rate, tokens, tf.cast(finite, tf.float32)]
        )

    def _update(self, gradients: Sequence[tf.Tensor]) -> bool:
        self._optimizer.apply(gradients, self._variables)
        if self._average is not None:
            self._average.update(self._variables, self._optimizer.step)
        return True


@tf.autograph.experimental.do_not_convert
def _warn_of_unreached(variables: Sequence[tf.Variable], gradients: Sequence[Any]) -> None:
    names = [variable.name for variable, gradient in zip(variables, gradients) if gradient is None]
    if names:
        logger.warning("The loss does not depend on %s: no update will change them.", ", ".join(names))


@tf.autograph.experimental.do_not_convert
def _warn_of_hidden_random_state() -> None:
    """Looks through the graph being traced, and the functions it calls."""
    definition = tf.compat.v1.get_default_graph().as_graph_def()
    nodes = [
        *definition.node,
        *(node for function in definition.library.function for node in function.node_def),
    ]
    found = sorted({node.op for node in nodes} & _HIDDEN_RANDOM_STATE)
    if found:
        logger.warning(
            "The training graph draws from %s, whose random state no checkpoint can hold: a run that is"
            " stopped and continued will differ from an unbroken one. A tf.random.Generator that the model"
            " tracks would do.",
            ", ".join(found),
        )
