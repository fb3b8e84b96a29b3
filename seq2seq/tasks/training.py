"""What the training loop asks of any task: batches planned by length, a loss, and validation by an evaluator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar

import tensorflow as tf

from seq2seq.config.groups.task import TaskConfig
from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.plan import BatchPlan
from seq2seq.datasets.batches.speech import SpeechBatchMaker
from seq2seq.datasets.batches.stream import WHOLE, Batches, BatchStream, ReplicaSharding
from seq2seq.datasets.batches.windows import WindowMaker, WindowPlan
from seq2seq.datasets.index.digest import digest_of
from seq2seq.metrics.metric import MetricOrder, Validation
from seq2seq.tasks.evaluation import Evaluator
from seq2seq.tasks.loss import Loss, scheduled_probability
from seq2seq.tasks.signs import MIN_UPDATES, SIGNS, few_updates
from seq2seq.tasks.statistics import PREFIX
from seq2seq.training.carried_state import CarriedState
from seq2seq.training.reports.signs import Sign


class TrainingTask(ABC):
    """What the training loop asks of a task.

    Args:
      config: label smoothing, metric, scheduled sampling.
      maker: makes the batches of training, of rows and a seed.
      plan: which rows they have, for each epoch.
      signature: what a batch is, as ``tf.TensorSpec``s.
      seed: decides all that is drawn for a batch.
      evaluator: what measures a model; asked again for the same one, it has its graphs.
      val: the index that validation measures on.
      sharding: what this process takes of each batch.
    """

    tie_breakers: ClassVar[tuple[str, ...]] = ("loss",)
    """Metrics that decide where the chosen one cannot tell models apart, the first of them first."""

    signs: ClassVar[Mapping[str, Sign]] = SIGNS
    """What tells, from validations, that training goes wrong."""

    least_updates: ClassVar[tuple[int, str]] = (MIN_UPDATES, "few models learn to attend")
    """From new weights, and what does not come about in fewer."""

    full_batch: float | None = None
    """Tokens of a batch for which the learning rate is meant, where it follows those of each; see `StepOptions`."""

    def __init__(
        self,
        config: TaskConfig,
        *,
        maker: BatchMaker | SpeechBatchMaker | WindowMaker,
        plan: Callable[[int], BatchPlan | WindowPlan],
        signature: Any,
        seed: int,
        evaluator: Callable[[Any], Evaluator],
        val: Any,
        sharding: ReplicaSharding = WHOLE,
    ) -> None:
        self.config = config
        self.order = MetricOrder.of(str(config.metric), self.tie_breakers)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)  # until there is an optimizer to follow
        self.plan = lru_cache(maxsize=1)(plan)
        self._stream = BatchStream(
            maker, self.plan, signature=signature, seed=seed, sharding=sharding, shapes=maker.shapes
        )
        self.evaluator = lru_cache(maxsize=1)(evaluator)
        self._maker = maker
        self._val = val

    def follow(self, step: tf.Variable) -> None:
        """Lets the schedule of scheduled sampling follow the optimizer's count of updates."""
        self.step = step

    def steps_per_epoch(self, epoch: int) -> int:
        return len(self.plan(epoch))

    def batches(self, epoch: int, skip: int) -> Batches:
        return self._stream(epoch, skip)

    def fingerprint(self) -> dict[str, dict[str, Any]]:
        """What batches and validations are made of, plain JSON: a run that goes on must find it again.

        For ``train`` and ``val`` the number of their examples, what these are called, and a digest of their content
        wherever the files are; of the ``plan`` the number of batches in the first epoch, and a digest.
        """
        splits = {"train": self._maker.index, "val": self._val}
        plan = self.plan(0)
        return {
            **{
                split: {"examples": len(index), "unit": index.unit, "digest": index.digest}
                for split, index in splits.items()
            },
            "plan": {"batches": len(plan), "digest": digest_of(plan.order, plan.bounds)},
        }

    def carried_state(self, model: Any) -> CarriedState | None:
        """What a batch hands on to the next, where it does; see `TrainStep`."""
        return None

    @abstractmethod
    def prepare(self, model: Any) -> None:
        """Gives a new model what it must know of the training data besides its weights."""

    @abstractmethod
    def loss(self, model: Any, batch: Any, training: bool) -> Loss:
        """Of a batch of tensors."""

    @abstractmethod
    def tokens(self, batch: Any) -> int:
        """The real ones of a batch, by which speed is measured."""

    def sampling_probability(self, training: bool) -> tf.Tensor | None:
        """Of scheduled sampling, at this step; None where it is off."""
        return scheduled_probability(self.config.scheduled_sampling, self.step) if training else None

    @abstractmethod
    def check(self, batch: Any) -> None:
        """Makes sure of what the fused kernels of a GPU take; raises what is wrong."""

    @abstractmethod
    def notes(self) -> Iterator[str]:
        """What looks wrong with the validation data as something to measure on, in sentences."""

    def obstacles(self, model: Any) -> Iterator[str]:
        """What in data and options keeps a model from learning, in sentences, before the first update."""
        yield from ()

    def too_short(self, updates: int, max_steps: int | None, max_minutes: float | None = None) -> str | None:
        """Whether a run of so many updates from new weights learns nothing, in a sentence; see `few_updates`."""
        return few_updates(updates, self.steps_per_epoch(0), max_steps, max_minutes, self.least_updates)

    def validate(self, model: Any) -> Validation:
        """The metrics, and behind ``signs/`` the statistics."""
        evaluation = self.evaluator(model).evaluate(self._val)
        statistics = {f"{PREFIX}{name}": value for name, value in evaluation.statistics.items()}
        return Validation({**evaluation.metrics, **statistics}, evaluation.samples)
