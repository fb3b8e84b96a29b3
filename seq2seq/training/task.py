"""What the training loop asks of a task."""

from __future__ import annotations

from typing import Any, Protocol

from seq2seq.metrics.metric import MetricOrder, Validation


class Task(Protocol):
    """A batch comes in parts, as `TrainStep` takes them; `loss` and `tokens` are of one part."""

    order: MetricOrder  # which of two validations is the better one

    def prepare(self, model: Any) -> None:
        """Gives a new model what it must know of the training data besides its weights."""

    def steps_per_epoch(self, epoch: int) -> int: ...

    def batches(self, epoch: int, skip: int) -> Any:
        """The batches of an epoch (from 0) after the first `skip`, with an `element_spec` like a `tf.data.Dataset`; a
        pure function of the two."""

    def loss(self, model: Any, batch: Any, training: bool) -> Any:
        """See `TrainStep`."""

    def tokens(self, batch: Any) -> int:
        """The real ones, by which speed is measured."""

    def check(self, batch: Any) -> None:
        """Raises what is wrong with a batch, where `LoopOptions.check_batches` asks for it."""

    def validate(self, model: Any) -> Validation: ...
