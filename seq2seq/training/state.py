"""Everything that decides how a training goes on: what its checkpoints hold."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from seq2seq.hardware.devices import Hardware
from seq2seq.metrics.metric import MetricOrder
from seq2seq.training.carried_state import CarriedState
from seq2seq.training.checkpoints.store import Checkpoint, CheckpointStore
from seq2seq.training.optim.loss_scale import LossScale
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.optim.optimizers import Optimizer
from seq2seq.training.optim.schedules import Plateau
from seq2seq.training.patience import Patience
from seq2seq.training.running_metrics import RunningMetrics

logger = logging.getLogger(__name__)


@dataclass
class Position:
    """How far a run has come."""

    step: int = 0  # updates made
    epoch: int = 0  # from 0
    batch: int = 0  # batches done in this epoch
    validated: int = 0  # the step of the last validation
    seconds: float = 0.0  # of training, validation included, over all processes
    best_step: int = 0
    best_metrics: dict[str, float] = field(default_factory=dict)


class TrainingResult(NamedTuple):
    """How a run ended."""

    step: int
    epochs: int  # begun
    seconds: float
    best_step: int  # 0: never validated
    best_metrics: dict[str, float]
    best: Patience  # which knows why that one is the best
    reason: str


class TrainingState:
    """The weights and all that changes beside them.

    Args:
        model: built: all its variables exist.
        optimizer: built for the model's trainable variables, as is `average`.
        average: its weights are the `weights` of the checkpoints.
        loss_scale: of float16.
        plateau, early_stopping: count validations.
        order: tells the better of two validations.
        run_state: of the run, plain JSON, the same at every step.
        carried: what a batch hands on to the next.
    """

    def __init__(
        self,
        *,
        model: Any,
        optimizer: Optimizer,
        average: MovingAverage | None,
        loss_scale: LossScale | None,
        plateau: Plateau | None,
        early_stopping: Patience | None,
        order: MetricOrder,
        run_state: Mapping[str, Any] | None = None,
        carried: CarriedState | None = None,
    ) -> None:
        self._model = model
        self._average = average
        self._loss_scale = loss_scale
        self._run_state = dict(run_state or {})
        trackables = {"model": model, "optimizer": optimizer, "average": average, "loss_scale": loss_scale}
        trackables["carried"] = carried
        self._trackables = {name: value for name, value in trackables.items() if value is not None}
        self.best = Patience(patience=None, order=order)
        counts = {"best": self.best, "plateau": plateau, "early_stopping": early_stopping}
        self._patiences = {name: value for name, value in counts.items() if value is not None}
        self.position = Position()
        self.metrics = RunningMetrics()
        self.saved = 0  # the step of the newest checkpoint

    def in_words(self) -> str:
        """Where a run that was stopped stands, as a sentence."""
        step = self.position.step
        if not self.saved:
            return f"Stopped after step {step}, before the first checkpoint."
        if self.saved == step:
            return f"Stopped after step {step}, with a checkpoint."
        return f"Stopped after step {step}; the newest checkpoint is of step {self.saved}."

    def weights_as_used(self) -> AbstractContextManager[None]:
        """Inside the block the model has the weights that are validated and kept."""
        if self._average is None:
            return nullcontext()
        return self._average.swapped_in(self._model.trainable_variables)

    def save(
        self,
        store: CheckpointStore,
        *,
        replicas: int,
        milestone: bool,
        metrics: Mapping[str, float] | None = None,
        best: bool = False,
    ) -> None:
        """Writes a checkpoint; see `CheckpointStore.save`."""
        store.save(
            step=self.position.step,
            model=self._model,
            training=self._trackables,
            state={
                **self._run_state,
                "position": asdict(self.position),
                "replicas": replicas,
                "running_metrics": self.metrics.state(),
                **{name: patience.state() for name, patience in self._patiences.items()},
            },
            metrics=metrics,
            best=best,
            milestone=milestone,
            weights_as_used=self.weights_as_used(),
        )

    def restore(self, store: CheckpointStore, hardware: Hardware) -> bool:
        """Takes everything from the newest checkpoint, the same on all workers; False where there is none.

        Raises:
            UserError: see `CheckpointStore.restore_latest`.
        """
        checkpoint = None
        if hardware.chief:  # which may set damaged ones aside
            checkpoint = store.restore_latest(self._trackables)
        newest = hardware.broadcast_from_chief(checkpoint and checkpoint.path.name)
        if newest is None:
            return False
        if checkpoint is None:
            checkpoint = store.restore_training(self._trackables, newest)
        state = checkpoint.state
        replicas = state.get("replicas", hardware.replicas)
        if replicas != hardware.replicas:
            logger.warning(
                "This run goes on with %d replicas, after %d: with the same batches in the same order, but not bit for"
                " bit as it would have.",
                hardware.replicas,
                replicas,
            )
        self._start_new_parts(checkpoint)
        self.position = Position(**state["position"])
        self.saved = checkpoint.step
        # "tally" is what the first versions called it.
        self.metrics = RunningMetrics.from_state(state.get("running_metrics") or state["tally"])
        for name, patience in self._patiences.items():
            if name in state:
                patience.restore(state[name])
        return True

    def restart_average(self) -> None:
        """Where there is one: from the weights as they are."""
        if self._average is not None:
            self._average.restart(self._model.trainable_variables)

    def _start_new_parts(self, checkpoint: Checkpoint) -> None:
        """Of what was off when the checkpoint was written: the average starts from the weights, the loss scale anew."""
        if self._average is not None and not checkpoint.holds("average"):
            self.restart_average()
            logger.info("The moving average of the weights starts at step %d.", checkpoint.step)
        if self._loss_scale is not None and not checkpoint.holds("loss_scale"):
            logger.info("The loss scale of float16 starts at step %d.", checkpoint.step)
