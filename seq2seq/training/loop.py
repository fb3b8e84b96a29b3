"""The outer loop: epochs, reports, validations, checkpoints, and when to end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from typing import Any

import numpy as np

from seq2seq.errors import PreemptedError, UserError
from seq2seq.hardware.devices import Hardware
from seq2seq.metrics.metric import Validation
from seq2seq.training.carried_state import CarriedState
from seq2seq.training.checkpoints.store import CheckpointStore
from seq2seq.training.interruption import Interruption
from seq2seq.training.loop_options import LoopOptions
from seq2seq.training.not_finite import not_finite
from seq2seq.training.optim.loss_scale import LossScale
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.optim.optimizers import Optimizer
from seq2seq.training.optim.schedules import Plateau
from seq2seq.training.patience import Patience
from seq2seq.training.reports.memory import memory_record
from seq2seq.training.reports.observer import Observer
from seq2seq.training.running_metrics import RunningMetrics
from seq2seq.training.state import Position, TrainingResult, TrainingState
from seq2seq.training.step import StepOptions, StepReport, TrainStep
from seq2seq.training.task import Task

logger = logging.getLogger(__name__)


class TrainingLoop:
    """Trains until `max_steps` updates or `max_epochs` epochs are done (counted from the very first, so that
    a run goes on where it was and a finished one returns at once), or until early stopping.

    Everything that decides what comes next is in the checkpoints: a run that was killed and started again
    ends with the weights of one that was not, bit for bit.

    Args:
        task: gives batches, loss and validation.
        model: built: all its variables exist, made in the scope of the hardware.
        optimizer: its `scale` is what `plateau` lowers.
        checkpoints: where the run's checkpoints are, and the place to go on from.
        options: when what happens.
        step: how a step is made.
        average: if given, its weights are validated, and are the `weights` of the checkpoints.
        plateau, early_stopping: told of the figures of each validation.
        observers: are told of everything.
        hardware: what the steps are made on. Of its workers only the first validates, writes and tells observers; what
            it finds decides for all.
        run_state: of the run, plain JSON, the same at every step; kept in each checkpoint.
        warm_start: gives a new model weights to begin with, which a first checkpoint then holds.
        carried: what a batch hands on to the next, see `TrainStep`.
    """

    def __init__(
        self,
        *,
        task: Task,
        model: Any,
        optimizer: Optimizer,
        checkpoints: CheckpointStore,
        options: LoopOptions,
        step: StepOptions | None = None,
        average: MovingAverage | None = None,
        plateau: Plateau | None = None,
        early_stopping: Patience | None = None,
        observers: Sequence[Observer] = (),
        hardware: Hardware | None = None,
        run_state: Mapping[str, Any] | None = None,
        warm_start: Callable[[], object] | None = None,
        carried: CarriedState | None = None,
    ) -> None:
        self._task = task
        self._model = model
        self._warm_start = warm_start
        self._optimizer = optimizer
        self._checkpoints = checkpoints
        self._plateau = plateau
        self._early_stopping = early_stopping
        self._hardware = hardware or Hardware()
        self._observers = observers if self._hardware.chief else ()
        self._options = options
        self._clock_started = 0.0
        self._time_is_up = False
        self._interruption = Interruption()
        self._total_steps: int | None = None
        self.step: TrainStep | None = None
        with self._hardware.scope():
            loss_scale = LossScale() if self._hardware.float16 else None
            optimizer.build(model.trainable_variables)
            if average is not None:
                average.build(model.trainable_variables)
        self._state = TrainingState(
            model=model,
            optimizer=optimizer,
            average=average,
            loss_scale=loss_scale,
            plateau=plateau,
            early_stopping=early_stopping,
            order=task.order,
            run_state=run_state,
            carried=carried,
        )
        self._make_step = partial(
            TrainStep,
            model=model,
            loss=task.loss,
            optimizer=optimizer,
            options=step,
            average=average,
            loss_scale=loss_scale,
            strategy=self._hardware.strategy,
            carried=carried,
        )

    @property
    def position(self) -> Position:
        """How far the run has come."""
        return self._state.position

    def run(self) -> TrainingResult:
        """Goes on from the newest checkpoint, if there is one, to the end.

        Raises:
            UserError: if a loss or gradient is not finite, or a disk fails; earlier checkpoints are as they
                were.
            WorkerLostError: another worker is gone.
            KeyboardInterrupt: after Ctrl-C, once the step is finished and a checkpoint written, or at once after a
                second one; its message says where training stands and how to go on.
            PreemptedError: the same after SIGTERM, or because another worker was asked to stop.
        """
        self._clock_started = time.perf_counter()
        self._restore()
        at = self.position
        self._clock_started = time.perf_counter() - at.seconds
        self._look_at_clock()
        if not (self._end() and at.step == at.validated):
            try:
                self._train_and_observe()
            except KeyboardInterrupt as stop:
                raise self._stopped(stop) from stop
        return TrainingResult(
            at.step,
            at.epoch + (at.batch > 0),
            at.seconds,
            at.best_step,
            at.best_metrics,
            self._state.best,
            self._end(),
        )

    def _train_and_observe(self) -> None:
        at = self.position
        with Interruption() as self._interruption, ExitStack() as to_close:
            self._total_steps = self._foreseen_steps()
            for observer in self._observers:
                to_close.callback(observer.close)
                observer.start(step=at.step, epoch=at.epoch + 1, total_steps=self._total_steps)
            self._train_or_stop()
        if self._interruption.requested:  # after the last step, and what follows training knows nothing of it
            raise KeyboardInterrupt

    def _train_or_stop(self) -> None:
        try:
            self._train()
        except KeyboardInterrupt:
            if not self._interruption.abrupt and self.position.step != self._state.saved:
                self._checkpoint(milestone=False)
            raise

    def _stopped(self, stop: KeyboardInterrupt) -> KeyboardInterrupt:
        """What ends a run that was asked to `stop`, with a sentence."""
        sentence = self._state.in_words()
        if self._options.resume_command:
            sentence += f" Go on with: {self._options.resume_command}"
        asked = self._interruption
        by_another_worker = self._hardware.workers > 1 and not asked.requested
        if asked.by_system or by_another_worker or isinstance(stop, PreemptedError):
            return PreemptedError(sentence)
        return KeyboardInterrupt(sentence)

    def _train(self) -> None:
        self._validate_if_due()  # a run stopped before or within a validation has it still to do
        while not self._end():
            self._train_epoch()

    def _train_epoch(self) -> None:
        at = self.position
        steps = self._task.steps_per_epoch(at.epoch)
        if steps < 1:
            raise UserError("The training data gives no batch.")
        if at.batch >= steps:  # the checkpoint is of a version that planned more batches
            at.epoch, at.batch = at.epoch + 1, 0
            return
        self._total_steps = self._foreseen_steps()
        dataset = self._task.batches(at.epoch, at.batch)
        if self.step is None:
            micro_batch = dataset.element_spec[0]
            self.step = self._make_step(signature=None if self._options.graph_per_shape else micro_batch)
        batches = iter(dataset)
        while at.batch < steps:
            started, traces = time.perf_counter(), self.step.traces
            with self._breakable_without_loss():
                micro_batches = next(batches, None)
                if micro_batches is None:
                    raise ValueError(
                        f"epoch {at.epoch} gave {at.batch} batches, and the task had said {steps}"
                    )
                parts = [part for micro_batch in micro_batches for part in micro_batch]
                report = self._make_update(micro_batches, parts)
            if not report.finite and report.loss_scale <= 1.0:
                raise not_finite(report, parts, at, self._checkpoints)
            self._state.metrics.add(report)
            if self.step.traces == traces:  # the time of a new graph is not that of a step
                self._count_time(time.perf_counter() - started, parts)
            at.step += 1
            at.batch += 1
            epoch_ends = at.batch == steps
            if epoch_ends:
                at.epoch, at.batch = at.epoch + 1, 0
            self._after_step(report)
            if epoch_ends or self._end():
                return

    def _make_update(self, micro_batches: Any, parts: Sequence[Any]) -> StepReport:
        assert self.step is not None
        if self._options.check_batches:
            for part in parts:
                self._task.check(part)
        for observer in self._observers:
            observer.before_step(self.position.step + 1)
        with self._hardware.detect_lost_workers():
            return self.step(micro_batches, stop=self._interruption.requested)

    def _breakable_without_loss(self) -> AbstractContextManager[None]:
        """A step right after a checkpoint or a start, whose graph may take a minute, need not be finished first;
        several workers stop after the same step, though."""
        nothing_new = self.position.step == self._state.saved
        return self._interruption.at_once() if nothing_new and self._hardware.workers == 1 else nullcontext()

    def _count_time(self, seconds: float, parts: Sequence[Any]) -> None:
        """Of a step; other workers have about as many tokens as this one."""
        tokens = sum(self._task.tokens(part) for part in parts)
        examples = sum(int(np.sum(np.asarray(part.example_ids) >= 0)) for part in parts)
        self._state.metrics.add_time(
            seconds, tokens * self._hardware.workers, examples * self._hardware.workers
        )

    def _after_step(self, report: StepReport) -> None:
        at = self.position
        self._look_at_clock()
        for observer in self._observers:
            observer.advance(
                step=at.step,
                epoch=self._epoch_shown(),
                total_steps=self._total_steps,
                loss=self._state.metrics.mean_loss,
                tokens_per_second=self._state.metrics.tokens_per_second,
            )
        if at.step % self._options.report_every == 0:
            self._report()
        if report.stop if self._hardware.workers > 1 else self._interruption.requested:
            raise KeyboardInterrupt
        validated = self._validate_if_due()
        if not validated and self._options.checkpoint_every and at.step % self._options.checkpoint_every == 0:
            self._checkpoint(milestone=False)

    def _look_at_clock(self) -> None:
        """Once a step, so that a validation is not left out because time ran out after the step."""
        limit = self._options.max_minutes
        self._time_is_up = limit is not None and self._seconds() >= 60.0 * limit

    def _end(self) -> str:
        """Why the run is over, or an empty text."""
        at = self.position
        if self._early_stopping is not None and self._early_stopping.exhausted:
            return f"no better {self._task.order.first.name} in {self._early_stopping.patience} validations"
        if self._options.max_steps is not None and at.step >= self._options.max_steps:
            beyond = (
                f", beyond max_steps={self._options.max_steps}" if at.step > self._options.max_steps else ""
            )
            return f"{at.step} steps{beyond}"
        if self._options.max_epochs is not None and at.epoch >= self._options.max_epochs:
            return f"{self._options.max_epochs} epochs"
        if self._time_is_up:
            return f"{self._options.max_minutes:g} minutes"
        return ""

    def _report(self) -> None:
        record = {**self._stamp(), **self._state.metrics.record(), **memory_record(self._hardware)}
        self._state.metrics = RunningMetrics()
        for observer in self._observers:
            observer.report(record)

    def _validate_if_due(self) -> bool:
        at = self.position
        if self._options.validate_every:
            due = at.step % self._options.validate_every == 0
        else:
            due = at.batch == 0
        if at.step == at.validated or not (due or self._end()):
            return False
        validation = self._validate() if self._hardware.chief else None
        validation = Validation(*self._hardware.broadcast_from_chief(validation))
        metrics = dict(validation.figures)
        at.validated = at.step
        best = self._state.best.update(validation)
        if best:
            at.best_step, at.best_metrics = at.step, metrics
        record = {**self._stamp(), **{f"val_{name}": value for name, value in metrics.items()}}
        if self._early_stopping is not None:
            self._early_stopping.update(validation)
        if self._plateau is not None and self._plateau.update(validation):
            self._optimizer.scale.assign(self._plateau.scale)
            scale = self._plateau.scale
            logger.info(
                "No better %s: the learning rate is now %.3g of the schedule's.",
                self._task.order.first.name,
                scale,
            )
        for observer in self._observers:
            observer.validation(record)
        self._checkpoint(milestone=True, metrics=metrics, best=best)
        return True

    def _validate(self) -> Validation:
        for observer in self._observers:
            observer.validating()
        with self._state.weights_as_used(), self._interruption.at_once():  # only what is inside is broken off
            return self._task.validate(self._model).plain()

    def _stamp(self) -> dict[str, Any]:
        return {
            "step": self.position.step,
            "epoch": self._epoch_shown(),
            "time": round(self._seconds(), 3),
            "learning_rate": float(self._optimizer.learning_rate(self._optimizer.step)),
        }

    def _epoch_shown(self) -> int:
        """From 1; right after the last batch of an epoch still that one."""
        return self.position.epoch + (self.position.batch > 0)

    def _seconds(self) -> float:
        self.position.seconds = time.perf_counter() - self._clock_started
        return self.position.seconds

    def _foreseen_steps(self) -> int | None:
        """Where the run will end, were all epochs as long as this one; exact in the last one. The end of early stopping
        is not foreseen."""
        if self._options.max_epochs is None:
            return self._options.max_steps
        at = self.position
        rest = max(self._options.max_epochs - at.epoch, 0)
        total = at.step - at.batch + rest * self._task.steps_per_epoch(at.epoch)
        return total if self._options.max_steps is None else min(total, self._options.max_steps)

    def _checkpoint(
        self, *, milestone: bool, metrics: Mapping[str, float] | None = None, best: bool = False
    ) -> None:
        self._seconds()
        if self._hardware.chief:
            for observer in self._observers:
                observer.sync()
            self._state.save(
                self._checkpoints,
                replicas=self._hardware.replicas,
                milestone=milestone,
                metrics=metrics,
                best=best,
            )
        self._state.saved = self.position.step

    def _restore(self) -> None:
        if not self._state.restore(self._checkpoints, self._hardware):
            self._task.prepare(self._model)
            if self._warm_start is not None:
                self._warm_start()
                self._state.restart_average()
                self._checkpoint(milestone=False)  # from which a run goes on where what it began with is gone
        elif self._hardware.chief:
            logger.info("Going on after step %d.", self.position.step)
