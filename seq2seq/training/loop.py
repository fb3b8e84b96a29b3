"""The outer loop: epochs, reports, validations, checkpoints, and when to end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from seq2seq.errors import PreemptedError, UserError
from seq2seq.hardware.devices import Hardware, device_memory
from seq2seq.metrics.metric import MetricOrder
from seq2seq.training.checkpoints.store import Checkpoint, CheckpointStore
from seq2seq.training.early_stopping import EarlyStopping
from seq2seq.training.interruption import Interruption
from seq2seq.training.optim.loss_scale import LossScale
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.optim.optimizers import Optimizer
from seq2seq.training.optim.schedules import Plateau
from seq2seq.training.patience import Patience
from seq2seq.training.profiler import Profiler
from seq2seq.training.reports.observer import Observer
from seq2seq.training.step import StepReport, TrainStep
from seq2seq.training.tally import Tally, resident_memory

logger = logging.getLogger(__name__)

_IDS_SHOWN = 20


class Task(Protocol):
    """What the loop asks of a task."""

    order: MetricOrder  # which of two validations is the better one

    def prepare(self, model: Any) -> None:
        """Gives a new model what it must know of the training data besides its weights."""

    def steps_per_epoch(self, epoch: int) -> int: ...

    def batches(self, epoch: int, skip: int) -> Any:
        """The batches of an epoch (from 0) after the first `skip`, in parts as `TrainStep` takes them, with an
        `element_spec` like a `tf.data.Dataset`; a pure function of the two."""

    def loss(self, model: Any, batch: Any, training: bool) -> Any:
        """Of one part of a batch, as for all that follows."""

    def tokens(self, batch: Any) -> int:
        """The real ones, by which speed is measured."""

    def validate(self, model: Any) -> dict[str, float]: ...


@dataclass
class Position:
    """How far a run has come; a part of every checkpoint."""

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
    reason: str


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
        clip_norm, l2: see `TrainStep`.
        average: if given, its weights are validated, and are the `weights` of the checkpoints.
        plateau, early_stopping: told of the figures of each validation.
        observers: are told of everything.
        max_steps, max_epochs: one of them at least.
        report_every: steps between reports.
        validate_every: steps between validations; 0: after each epoch. There is one at the end in any case.
        checkpoint_every: steps between checkpoints besides those after each validation; 0: none besides.
        graph_per_shape: whether the step is traced for each shape of a batch, of which the task then has a few; else
            one graph serves all shapes.
        check: called with each part of a batch before its step; raises what is wrong with it.
        hardware: what the steps are made on. Of its workers only the first validates, writes and tells observers; what
            it finds decides for all.
        seed: of what is drawn in the steps.
        accumulate: parts of a batch that each replica takes one after the other.
        jit_compile: whether XLA compiles the step.
        profiler: traces some steps.
        resume_command: what the user types to go on, for messages.
        run_state: of the run, plain JSON, the same at every step; kept in each checkpoint.
    """

    def __init__(
        self,
        *,
        task: Task,
        model: Any,
        optimizer: Optimizer,
        checkpoints: CheckpointStore,
        clip_norm: float | None = None,
        l2: float = 0.0,
        average: MovingAverage | None = None,
        plateau: Plateau | None = None,
        early_stopping: EarlyStopping | None = None,
        observers: Sequence[Observer] = (),
        max_steps: int | None = None,
        max_epochs: int | None = None,
        report_every: int = 100,
        validate_every: int = 0,
        checkpoint_every: int = 0,
        graph_per_shape: bool = False,
        check: Callable[[Any], None] | None = None,
        hardware: Hardware | None = None,
        seed: int = 0,
        accumulate: int = 1,
        jit_compile: bool = False,
        profiler: Profiler | None = None,
        resume_command: str = "",
        run_state: Mapping[str, Any] | None = None,
    ) -> None:
        if max_steps is None and max_epochs is None:
            raise ValueError("max_steps or max_epochs is needed")
        self._task = task
        self._model = model
        self._optimizer = optimizer
        self._checkpoints = checkpoints
        self._average = average
        self._plateau = plateau
        self._early_stopping = early_stopping
        self._hardware = hardware or Hardware()
        self._observers = observers if self._hardware.chief else ()
        self._max_steps = max_steps
        self._max_epochs = max_epochs
        self._report_every = report_every
        self._validate_every = validate_every
        self._checkpoint_every = checkpoint_every
        self._graph_per_shape = graph_per_shape
        self._check = check
        self._profiler = profiler
        self._resume_command = resume_command
        self._run_state = dict(run_state or {})
        self._best = Patience(patience=None, order=task.order)
        self._tally = Tally()
        self._saved = 0  # the step of the newest checkpoint
        self._clock_started = 0.0
        self._interruption = Interruption()
        self.position = Position()
        self.step: TrainStep | None = None
        with self._hardware.scope():
            self._loss_scale = LossScale() if self._hardware.float16 else None
            optimizer.build(model.trainable_variables)
            if average is not None:
                average.build(model.trainable_variables)
        self._make_step = partial(
            TrainStep,
            model=model,
            loss=task.loss,
            optimizer=optimizer,
            clip_norm=clip_norm,
            l2=l2,
            average=average,
            loss_scale=self._loss_scale,
            seed=seed,
            strategy=self._hardware.strategy,
            accumulate=accumulate,
            jit_compile=jit_compile,
        )

    def run(self) -> TrainingResult:
        """Goes on from the newest checkpoint, if there is one, to the end.

        Raises:
            UserError: if a loss or gradient is not finite, or a disk fails; earlier checkpoints are as they
                were.
            WorkerLostError: another worker is gone.
            KeyboardInterrupt: after Ctrl-C, once the step is finished and a checkpoint written.
            PreemptedError: the same after SIGTERM, or because another worker was asked to stop.
        """
        self._restore()
        self._clock_started = time.perf_counter() - self.position.seconds
        try:
            with Interruption() as self._interruption, ExitStack() as to_close:
                for observer in self._observers:
                    to_close.callback(observer.close)
                    observer.start(step=self.position.step, total_steps=self._total_steps())
                self._train_or_stop()
        except KeyboardInterrupt as stop:
            asked = self._interruption
            if asked.abrupt:
                raise
            self._say_how_to_go_on()
            if asked.requested and not asked.by_system:
                raise
            raise PreemptedError from stop
        at = self.position
        return TrainingResult(
            at.step, at.epoch + (at.batch > 0), at.seconds, at.best_step, at.best_metrics, self._end()
        )

    def _train_or_stop(self) -> None:
        try:
            self._train()
        except KeyboardInterrupt:
            if not self._interruption.abrupt and self.position.step != self._saved:
                self._checkpoint(milestone=False)
            raise
        finally:
            if self._profiler is not None:
                self._profiler.close()

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
        dataset = self._task.batches(at.epoch, at.batch)
        if self.step is None:
            turn = dataset.element_spec[0]
            self.step = self._make_step(signature=None if self._graph_per_shape else turn)
        batches = iter(dataset)
        while at.batch < steps:
            started, traces = time.perf_counter(), self.step.traces
            turns = next(batches, None)
            if turns is None:
                raise ValueError(f"epoch {at.epoch} gave {at.batch} batches, and the task had said {steps}")
            parts = [part for turn in turns for part in turn]
            if self._check is not None:
                for part in parts:
                    self._check(part)
            if self._profiler is not None:
                self._profiler.before(at.step + 1)
            with self._hardware.noticing_losses():
                report = self.step(turns, stop=self._interruption.requested)
            if report.finite:
                self._tally.add(report)
            elif report.loss_scale <= 1.0:
                raise self._not_finite(report, parts)
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

    def _count_time(self, seconds: float, parts: Sequence[Any]) -> None:
        """Of a step; other workers have about as many tokens as this one."""
        tokens = sum(self._task.tokens(part) for part in parts)
        examples = sum(int(np.sum(np.asarray(part.example_ids) >= 0)) for part in parts)
        self._tally.add_time(seconds, tokens * self._hardware.workers, examples * self._hardware.workers)

    def _after_step(self, report: StepReport) -> None:
        at = self.position
        for observer in self._observers:
            observer.advance(
                step=at.step,
                epoch=self._epoch_shown(),
                loss=self._tally.mean_loss,
                tokens_per_second=self._tally.tokens_per_second,
            )
        if at.step % self._report_every == 0:
            self._report()
        if report.stop if self._hardware.workers > 1 else self._interruption.requested:
            raise KeyboardInterrupt
        validated = self._validate_if_due()
        if not validated and self._checkpoint_every and at.step % self._checkpoint_every == 0:
            self._checkpoint(milestone=False)

    def _end(self) -> str:
        """Why the run is over, or an empty text."""
        at = self.position
        if self._early_stopping is not None and self._early_stopping.stop:
            return f"no better {self._task.order.first.name} in {self._early_stopping.patience} validations"
        if self._max_steps is not None and at.step >= self._max_steps:
            return f"{self._max_steps} steps"
        if self._max_epochs is not None and at.epoch >= self._max_epochs:
            return f"{self._max_epochs} epochs"
        return ""

    def _report(self) -> None:
        record = {**self._stamp(), **self._tally.record(), **self._memory()}
        self._tally = Tally()
        for observer in self._observers:
            observer.report(record)

    def _memory(self) -> dict[str, Any]:
        """MiB: of this process, and where there are several replicas, of all workers and of this one's GPUs."""
        memory: dict[str, Any] = {"memory": resident_memory()}
        if self._hardware.workers > 1:
            memory["memory_of_workers"] = self._hardware.of_all_workers(round(memory["memory"]))
        if self._hardware.replicas > 1:
            memory["replicas"] = self._hardware.replicas
        if devices := device_memory():
            memory["memory_of_devices"] = devices
        return memory

    def _validate_if_due(self) -> bool:
        at = self.position
        if self._validate_every:
            due = at.step % self._validate_every == 0
        else:
            due = at.batch == 0
        if at.step == at.validated or not (due or self._end()):
            return False
        metrics = self._hardware.from_chief(self._validate() if self._hardware.chief else None)
        at.validated = at.step
        best = self._best.update(metrics)
        if best:
            at.best_step, at.best_metrics = at.step, metrics
        record = {**self._stamp(), **{f"val_{name}": value for name, value in metrics.items()}}
        if self._early_stopping is not None:
            self._early_stopping.update(metrics)
        if self._plateau is not None and self._plateau.update(metrics):
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

    def _validate(self) -> dict[str, float]:
        with self._interruption.at_once(), self._weights_as_used():
            return {name: float(value) for name, value in self._task.validate(self._model).items()}

    def _stamp(self) -> dict[str, Any]:
        return {
            "step": self.position.step,
            "epoch": self._epoch_shown(),
            "time": round(self._seconds(), 3),
            "learning_rate": float(self._optimizer.learning_rate(self.position.step)),
        }

    def _epoch_shown(self) -> int:
        """From 1; right after the last batch of an epoch still that one."""
        return self.position.epoch + (self.position.batch > 0)

    def _seconds(self) -> float:
        self.position.seconds = time.perf_counter() - self._clock_started
        return self.position.seconds

    def _total_steps(self) -> int | None:
        """Where the run will end, were all epochs as long as this one; the end of early stopping is not
        foreseen."""
        if self._max_epochs is None:
            return self._max_steps
        at = self.position
        total = at.step - at.batch + (self._max_epochs - at.epoch) * self._task.steps_per_epoch(at.epoch)
        return total if self._max_steps is None else min(total, self._max_steps)

    def _weights_as_used(self) -> Any:
        return (
            nullcontext()
            if self._average is None
            else self._average.swapped_in(self._model.trainable_variables)
        )

    def _trackables(self) -> dict[str, Any]:
        trackables = {
            "model": self._model,
            "optimizer": self._optimizer,
            "average": self._average,
            "loss_scale": self._loss_scale,
        }
        return {name: value for name, value in trackables.items() if value is not None}

    def _stateful(self) -> dict[str, Any]:
        parts = {"best": self._best, "plateau": self._plateau, "early_stopping": self._early_stopping}
        return {name: part for name, part in parts.items() if part is not None}

    def _checkpoint(
        self, *, milestone: bool, metrics: Mapping[str, float] | None = None, best: bool = False
    ) -> None:
        self._seconds()
        self._saved = self.position.step
        if not self._hardware.chief:
            return
        for observer in self._observers:
            observer.sync()
        self._checkpoints.save(
            step=self.position.step,
            model=self._model,
            training=self._trackables(),
            state={
                **self._run_state,
                "position": asdict(self.position),
                "replicas": self._hardware.replicas,
                "tally": self._tally.state(),
                **{name: part.state() for name, part in self._stateful().items()},
            },
            metrics=metrics,
            best=best,
            milestone=milestone,
            weights_as_used=self._weights_as_used(),
        )

    def _restore(self) -> None:
        checkpoint = None
        if self._hardware.chief:  # which may set damaged ones aside
            checkpoint = self._checkpoints.restore_latest(self._trackables())
        newest = self._hardware.from_chief(checkpoint and checkpoint.path.name)
        if newest is None:
            self._task.prepare(self._model)
            return
        if checkpoint is None:
            checkpoint = self._checkpoints.restore_training(self._trackables(), newest)
        replicas = checkpoint.state.get("replicas", self._hardware.replicas)
        if replicas != self._hardware.replicas:
            logger.warning(
                "This run goes on with %d replicas, after %d: with the same batches in the same order, but not bit for"
                " bit as it would have.",
                self._hardware.replicas,
                replicas,
            )
        self._start_new_parts(checkpoint)
        self.position = Position(**checkpoint.state["position"])
        self._saved = checkpoint.step
        self._tally = Tally.from_state(checkpoint.state["tally"])
        for name, part in self._stateful().items():
            if name in checkpoint.state:
                part.restore(checkpoint.state[name])

    def _start_new_parts(self, checkpoint: Checkpoint) -> None:
        """Of what was off when the checkpoint was written: the average starts from the weights, the loss scale anew."""
        if self._average is not None and not checkpoint.holds("average"):
            self._average.restart(self._model.trainable_variables)
            logger.info("The moving average of the weights starts at step %d.", checkpoint.step)
        if self._loss_scale is not None and not checkpoint.holds("loss_scale"):
            logger.info("The loss scale of float16 starts at step %d.", checkpoint.step)

    def _not_finite(self, report: StepReport, parts: Sequence[Any]) -> UserError:
        at = self.position
        ids = [int(number) for part in parts for number in np.asarray(part.example_ids) if number >= 0]
        logger.error("The examples of the batch that broke the run, counted from 0: %s", ids)
        shown = ", ".join(map(str, ids[:_IDS_SHOWN]))
        if len(ids) > _IDS_SHOWN:
            shown += f" and {len(ids) - _IDS_SHOWN} more"
        where = f"step {at.step + 1} (epoch {at.epoch + 1}, batch {at.batch + 1})"
        kept = self._checkpoints.all()
        last_good = f"the last good checkpoint is {kept[-1].path}" if kept else "no checkpoint was due yet"
        return UserError(
            f"At {where} the loss is {report.loss:g} and the norm of its gradient {report.gradient_norm:g}: that"
            " update was not made, and training ends."
            f" Look at the examples of that batch (counted from 0: {shown}), or try a lower"
            " optimizer.learning_rate, a lower optimizer.clip_norm or more optimizer.schedule.warmup_steps;"
            f" {last_good}."
        )

    def _say_how_to_go_on(self) -> None:
        command = f" Go on with: {self._resume_command}" if self._resume_command else ""
        logger.warning("Stopped after step %d, with a checkpoint.%s", self.position.step, command)
