"""One training step, as one graph, on one device or on many."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from seq2seq.randomness import draw_key, drawing
from seq2seq.training.carried_state import CarriedState
from seq2seq.training.optim.loss_scale import LossScale
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.optim.optimizers import Optimizer, clip_by_global_norm, dense_gradients

logger = logging.getLogger(__name__)

_LOSSES = 3  # total, cross entropy, tokens

# Operations whose random state lives in the kernel, out of reach of a checkpoint.
_HIDDEN_RANDOM_STATE = {
    "Multinomial", "ParameterizedTruncatedNormal", "RandomGammaV3", "RandomPoissonV2", "RandomShuffle",
    "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "TruncatedNormal",
}  # fmt: skip


class StepReport(NamedTuple):
    """What a step tells the loop, the same on every worker."""

    loss: float  # per target token
    cross_entropy: float  # per target token, nats
    gradient_norm: float  # before clipping
    learning_rate: float
    tokens: float  # target tokens of all replicas
    loss_scale: float  # of float16, in this step; 1 where there is none
    finite: bool  # False: loss or gradient held NaN or infinity, and nothing was updated
    stop: bool  # some worker was asked to stop


@dataclass(frozen=True)
class StepOptions:
    """How a step is made.

    Attributes:
        clip_norm: the largest global norm of the gradient, or None.
        l2: weight of the sum of squared kernels, as a part of the differentiated loss; reported losses are
            without it.
        accumulate: parts of a batch that each replica takes one after the other.
        seed: decides what is drawn in a step, together with the number of updates and of the part.
        jit_compile: whether XLA compiles the whole step of one device; the batches then have fixed shapes, and no
            signature.
        full_batch: tokens for which the learning rate is meant, which then follows those of each batch, or None.
    """

    clip_norm: float | None = None
    l2: float = 0.0
    accumulate: int = 1
    seed: int = 0
    jit_compile: bool = False
    full_batch: float | None = None


class TrainStep(tf.Module):
    """Loss, gradient, clipping and update for one batch, traced once for all batch shapes, or once for each.

    A batch comes in parts: each replica has `accumulate` of them, one after the other. Losses and gradients are sums
    over tokens; they are added up over the parts and the replicas, and divided once by the number of all tokens, so
    that the update is that of the whole batch on one device. An update whose loss or gradient is not finite is left out
    in the graph: weights, slots, averages and the number of steps stay as they were.

    Args:
        model: has `trainable_variables`, all of which exist by now.
        loss: maps (model, batch, training) to `Loss(total, cross_entropy, tokens)`, sums over the batch.
        optimizer: built for the model's trainable variables.
        options: how.
        average: built likewise; takes in the weights after each update.
        loss_scale: of float16: what the loss is multiplied with while gradients are computed.
        strategy: whose scope all variables were made in; None: one device.
        signature: what one micro-batch is, a part for each replica of this worker, as `tf.TensorSpec`s with None for
            what changes; without it each new shape is traced.
        carried: what a batch hands on to the next. The loss is then given the state of its part besides, and returns
            `(Loss, next state)`.
    """

    def __init__(
        self,
        *,
        model: Any,
        loss: Callable[..., Any],
        optimizer: Optimizer,
        options: StepOptions | None = None,
        average: MovingAverage | None = None,
        loss_scale: LossScale | None = None,
        strategy: tf.distribute.Strategy | None = None,
        signature: Any = None,
        carried: CarriedState | None = None,
    ) -> None:
        super().__init__()
        self._model = model
        self._loss = loss
        self._optimizer = optimizer
        self._options = options or StepOptions()
        self._average = average
        self._loss_scale = loss_scale
        self._strategy = strategy or tf.distribute.get_strategy()
        self._carried = carried
        self._variables = list(model.trainable_variables)
        if not self._variables:
            raise ValueError("the model has no trainable variables; build it before training")
        self._graph_per_shape = signature is None
        states = () if carried is None else carried.signature
        signatures = None if signature is None else [signature, states, tf.TensorSpec([], tf.float32)]
        self._function = tf.function(
            self._step,
            input_signature=signatures,
            jit_compile=self._options.jit_compile or None,
            autograph=False,
        )
        self._sums: list[tf.Variable] = []
        if self._options.accumulate > 1:
            with self._strategy.scope():
                shapes = [*(variable.shape for variable in self._variables), [_LOSSES]]
                self._sums = [_local_sum(shape) for shape in shapes]
                self._micro_batch = tf.Variable(0, trainable=False, dtype=tf.int32, name="micro_batch")
        self._add = tf.function(self._add_micro_batch, input_signature=signatures, autograph=False)

    def __call__(self, parts: Sequence[Sequence[Any]], *, stop: bool = False) -> StepReport:
        """Makes one update.

        Args:
            parts: of the batch: `parts[a][r]` is what replica r of this worker takes as micro-batch a.
            stop: whether this worker was asked to stop; `StepReport.stop` says it on every worker.
        """
        asked = tf.constant(float(stop))
        for number, micro_batch in enumerate(parts):
            function = self._function if number == len(parts) - 1 else self._add
            states = () if self._carried is None else self._carried.of(number)
            numbers, states = self._call(function, tuple(micro_batch), states, asked)
            if self._carried is not None:
                self._carried.keep(number, states)
        report = StepReport(*numbers.numpy().tolist())
        return report._replace(finite=bool(report.finite), stop=bool(report.stop))

    def _call(self, function: Any, *arguments: Any) -> tuple[tf.Tensor, Any]:
        if self._graph_per_shape:  # asked for by name: TensorFlow would warn of so many
            function = function.get_concrete_function(*arguments)
        return function(*arguments)

    @property
    def traces(self) -> int:
        """How many graphs were traced so far."""
        return self._function.experimental_get_tracing_count() + self._add.experimental_get_tracing_count()

    # --- across the replicas ---

    def _step(self, parts: Sequence[Any], states: Sequence[Any], stop: tf.Tensor) -> tuple[tf.Tensor, Any]:
        """The last micro-batch, and the update."""
        with self._strategy.scope():
            inputs = (self._spread(parts), self._spread(states), stop)
            gradients, reports, states = self._strategy.run(self._mean_gradients, args=inputs)
            report = self._strategy.experimental_local_results(reports)[0]  # all have the same
            finite = report[StepReport._fields.index("finite")] > 0.0
            tf.cond(finite, lambda: self._update(gradients, report), lambda: False)
            if self._loss_scale is not None:
                self._loss_scale.update(finite)
            if self._options.accumulate > 1:
                self._micro_batch.assign(0)
        _warn_of_hidden_random_state()
        return report, self._local(states)

    def _update(self, gradients: Sequence[Any], report: tf.Tensor) -> bool:
        full, tokens = self._options.full_batch, report[StepReport._fields.index("tokens")]
        self._optimizer.apply(gradients, self._variables, tokens / full if full else 1.0)
        if self._average is not None:
            self._average.update(self._variables, self._optimizer.step)
        return True

    def _add_micro_batch(
        self, parts: Sequence[Any], states: Sequence[Any], stop: tf.Tensor
    ) -> tuple[tf.Tensor, Any]:
        """A micro-batch before the last one."""
        with self._strategy.scope():
            states = self._strategy.run(self._add_up, args=(self._spread(parts), self._spread(states)))
            self._micro_batch.assign_add(1)
        return stop, self._local(states)

    def _spread(self, parts: Sequence[Any]) -> Any:
        """Gives each replica its part."""
        if len(parts) < 2:
            return parts[0] if parts else ()
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group % len(parts)]
        )

    def _local(self, states: Sequence[Any]) -> list[Any]:
        """Of each tensor those of each replica of this worker."""
        return [self._strategy.experimental_local_results(state) for state in states]

    # --- on one replica ---

    def _mean_gradients(
        self, part: Any, state: Any, stop: tf.Tensor
    ) -> tuple[list[tf.Tensor], tf.Tensor, list[tf.Tensor]]:
        """The clipped gradients of the loss per token of the whole batch, a `StepReport`, and the next state."""
        sums, next_state = self._gradients(part, state)
        for n, earlier in enumerate(self._sums):
            sums[n] += earlier.read_value()
            earlier.assign(tf.zeros(earlier.shape))
        sums[-1] = tf.concat([sums[-1], [stop]], axis=0)
        replica = tf.distribute.get_replica_context()
        *gradients, losses = replica.all_reduce(tf.distribute.ReduceOp.SUM, sums)
        total, cross_entropy, tokens, stop = tf.unstack(losses)
        loss_scale = tf.ones([]) if self._loss_scale is None else self._loss_scale.value.read_value()
        share = 1.0 / (tokens * loss_scale)
        gradients = dense_gradients(gradients, self._variables, self._options.l2 and self._options.l2 / share)
        gradients = self._optimizer.trained(gradients)
        gradients, norm = clip_by_global_norm(gradients, self._options.clip_norm, share)
        loss, rate = total / tokens, self._optimizer.learning_rate(self._optimizer.step + 1)
        finite = tf.cast(tf.math.is_finite(loss) & tf.math.is_finite(norm), tf.float32)
        report = tf.stack([loss, cross_entropy / tokens, norm, rate, tokens, loss_scale, finite, stop])
        return gradients, report, next_state

    def _add_up(self, part: Any, state: Any) -> list[tf.Tensor]:
        sums, next_state = self._gradients(part, state)
        for earlier, value in zip(self._sums, sums):
            earlier.assign_add(value)
        return next_state

    def _gradients(self, part: Any, state: Any) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Of the summed loss of a part, times the loss scale, then the sums of the losses, `[3]`; the next state."""
        variables = self._variables
        with drawing(self._draw_key()), tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            (total, cross_entropy, tokens), next_state = self._losses(part, state)
            scaled = total if self._loss_scale is None else total * self._loss_scale.value
        found = tape.gradient(scaled, variables, unconnected_gradients=tf.UnconnectedGradients.NONE)
        _warn_of_unreached(variables, found)
        gradients = [
            tf.zeros(variable.shape) if gradient is None else gradient
            for gradient, variable in zip(found, variables)
        ]
        sums = [*dense_gradients(gradients, variables), tf.stack([total, cross_entropy, tokens])]
        return sums, tf.nest.flatten(next_state)

    def _losses(self, part: Any, state: Any) -> tuple[Any, Any]:
        if self._carried is None:
            return self._loss(self._model, part, True), ()
        return self._loss(self._model, part, True, self._carried.packed(state))

    def _draw_key(self) -> tf.Tensor:
        """Of the part that this replica has in this micro-batch."""
        micro_batch = self._micro_batch.read_value() if self._options.accumulate > 1 else 0
        replica = tf.distribute.get_replica_context()
        part = replica.replica_id_in_sync_group + micro_batch * replica.num_replicas_in_sync
        return draw_key(self._options.seed, self._optimizer.step, part)


def _local_sum(shape: Any) -> tf.Variable:
    """Zeros that each replica adds to on its own."""
    return tf.Variable(
        tf.zeros(shape),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
        name="sum",
    )


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
            " stopped and continued will differ from an unbroken one. seq2seq.randomness would do.",
            ", ".join(found),
        )
