"""Training a run, from a configuration to an evaluated model."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import seq2seq
from seq2seq.config.auto import value_of, with_values
from seq2seq.config.groups.masking import MaskingPolicy
from seq2seq.config.root import TrainConfig
from seq2seq.config.saved import load, to_yaml
from seq2seq.datasets.batches.stream import ReplicaSharding
from seq2seq.errors import UserError
from seq2seq.hardware.devices import Hardware, configure, uses_gpu
from seq2seq.keras2 import keras
from seq2seq.logs import log_to_stderr_by_default
from seq2seq.metrics.metric import MetricOrder
from seq2seq.runs.combined import refuse_in_training
from seq2seq.runs.estimate import step_seconds
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.resume import refuse_another_run, refuse_other_tokenizers, resume_command, run_state
from seq2seq.runs.sizes import BY_CLOCK, as_decided, laid_out, with_sizes
from seq2seq.runs.use import Run, parameters
from seq2seq.runs.warm_start import build_taken, warm_start
from seq2seq.tasks.batching import shape_count
from seq2seq.tasks.evaluation import Evaluation
from seq2seq.tasks.readers import build_reader
from seq2seq.tasks.signs import is_poor
from seq2seq.tasks.table import task_of
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.tasks.training import TrainingTask
from seq2seq.training.build import build_early_stopping, build_optimizer, build_profiler, run_length
from seq2seq.training.checkpoints.averaging import average_last
from seq2seq.training.checkpoints.store import CheckpointStore
from seq2seq.training.interruption import explained_stop
from seq2seq.training.loop import TrainingLoop
from seq2seq.training.loop_options import LoopOptions
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.reports.metrics_log import MetricsLog
from seq2seq.training.reports.observer import Callback, Observer
from seq2seq.training.reports.plots import save_learning_curves
from seq2seq.training.reports.progress import progress
from seq2seq.training.reports.signs import SignWatch
from seq2seq.training.reports.tensorboard import TensorBoard
from seq2seq.training.state import TrainingResult
from seq2seq.training.step import StepOptions

logger = logging.getLogger(__name__)

VERSIONED = ("tensorflow", "tf-keras", "tensorflow-addons", "sentencepiece", "sacrebleu")
"""Packages of which a summary says the version, where they are installed."""


@explained_stop("Stopped before training; the same command starts again.")
def train(config: TrainConfig, callback: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """Trains, or goes on with the run in ``config.run_dir``; evaluates the best weights; returns the run's folder.

    Args:
      config: see `compose`.
      callback: called with each line of RUN/metrics.jsonl as a dictionary, while the run is made: ``step``, ``epoch``,
        ``time`` and, of a report, ``loss``, ``tokens_per_second`` …, of a validation ``val_loss``, ``val_bleu`` …
        Where it raises KeyboardInterrupt, the run stops as by Ctrl-C, to be gone on with.

    With several workers all call it, and the first of them prepares and evaluates for all. Progress is logged by the
    logger `seq2seq`, and goes to standard error where the program has not set up logging.

    Raises:
      UserError: what the user gave does not work: files, sizes, a folder of another run, a loss that is not finite.
      KeyboardInterrupt: Ctrl-C, and its kind `PreemptedError` SIGTERM; the message says where the run stands.
    """
    log_to_stderr_by_default()
    watchers = [Callback(callback)] if callback else []
    refuse_in_training(config.search)
    hardware = configure(config.hardware)
    logger.info("Running on %s.", hardware.description)
    if not hardware.chief:
        folder = RunFolder(hardware.broadcast_from_chief())
        if not folder.tokenizer.is_dir():
            raise UserError(
                f"Worker {hardware.worker} does not find {folder.path}, where worker 0 has made the run; all workers"
                " need to see the same run_dir."
            )
        _run(*_settled(config, folder), hardware, folder, watchers)
        return folder.path
    task = task_of(config)
    for split in ("train", "val"):
        task.reader(split)
    task.require_installed()
    with RunFolder.start(config.run_dir, task=task.name) as folder:
        config, saved = _settled(config, folder)
        refuse_another_run(saved or config, config, folder.path)
        if not any(folder.checkpoints.glob("[!.]*")):  # what a start that failed left may be of other text
            task_of(config).make_tokenizers(folder.tokenizer)
        _run(config, saved, hardware, folder, watchers)
    return folder.path


def _settled(config: TrainConfig, folder: RunFolder) -> tuple[TrainConfig, TrainConfig | None]:
    """The configuration with what the data decides, but for the run's length, and that of the run, which has decided
    already, if it has one."""
    if not folder.has_config:
        return with_sizes(config, task_of(config)), None
    saved = load(folder.config)
    return as_decided(config, saved), saved


def _run(
    config: TrainConfig,
    saved: TrainConfig | None,
    hardware: Hardware,
    folder: RunFolder,
    watchers: Sequence[Observer],
) -> None:
    tokenizers = task_of(config).load_tokenizers(folder.tokenizer)
    sharding = ReplicaSharding(
        hardware.replicas,
        hardware.worker * hardware.local_replicas,
        hardware.local_replicas,
        config.training.accumulate,
    )
    store = CheckpointStore(
        folder.checkpoints, keep=max(config.training.keep_checkpoints, config.training.average_last)
    )
    if hardware.chief:
        refuse_other_tokenizers(tokenizers, store, folder.path)
    config, training, state = _laid_out(config, saved, hardware, tokenizers, sharding, store, folder)
    task = task_of(config)
    keras.utils.set_random_seed(config.seed)
    with hardware.scope():
        model = task.model(tokenizers, gpu=uses_gpu())
    obstacles, few = list(training.obstacles(model)), _few_updates(config, training)
    watch = SignWatch(training.signs, training.order, folder.metrics)
    if hardware.chief:
        _warn(f"data.val: {note}" for note in training.notes())
        _warn([*obstacles, *few] if not store.all() else ())
        folder.write_config(to_yaml(config))
        for part in ("encoder", "decoder"):
            if hasattr(model, part):
                logger.info("%s: %s.", part.capitalize(), getattr(model, part).kernel_reason)
        logger.info("%s parameters; run folder %s", f"{parameters(model):,}", folder.path)
    schedule = replace(config.optimizer.schedule, **state["schedule"])
    command = resume_command(folder.path, saved or config, config)
    config = replace(config, optimizer=replace(config.optimizer, schedule=schedule))
    parts = (config, hardware, training, tokenizers, model, store, folder)
    result = _train(*parts, watchers=[*watchers, watch], run_state=state, resume_command=command)
    if hardware.chief:
        with explained_stop(f"Stopped after training, before the evaluation. Go on with: {command}"):
            which, reason = _choose_weights(config, training, model, store, result)
            logger.info("Kept %s.", reason)
            store.restore_weights(model, which)
            short = few if is_poor(result.best_metrics or {}) else []
            signs = [*obstacles, *short, *watch.at_end(result.step)]
            run = Run(folder, config, tokenizers, model, evaluator=training.evaluator(model))
            _finish(run, which, reason, result, training.order, signs)
    hardware.broadcast_from_chief()  # which the others wait for: it would notice that they are gone


def _laid_out(
    config: TrainConfig,
    saved: TrainConfig | None,
    hardware: Hardware,
    tokenizers: Tokenizers,
    sharding: ReplicaSharding,
    store: CheckpointStore,
    folder: RunFolder,
) -> tuple[TrainConfig, TrainingTask, Mapping[str, Any]]:
    """With the length that the data decides, its batches, and what the run goes on with: as the chief has them."""

    def training_of(config: TrainConfig) -> TrainingTask:
        return task_of(config).training(tokenizers, folder.path / "index", sharding)

    told = None
    if hardware.chief:
        if saved is None:
            config, training = laid_out(config, training_of, partial(_step_seconds, tokenizers))
        else:
            training = training_of(config)
        state = run_state(
            config, saved or config, task=training, tokenizers=tokenizers, store=store, folder=folder.path
        )
        hardware.broadcast_from_chief(str(folder.path.absolute()))  # what the others read there is written
        told = [state, {key: value_of(config, key) for key in BY_CLOCK if key in config.auto}]
    state, decided = hardware.broadcast_from_chief(told)
    if not hardware.chief:
        config = with_values(config, decided)
        training = training_of(config)
    return config, training, state


def _versions() -> dict[str, str]:
    found = {}
    for name in VERSIONED:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _step_seconds(tokenizers: Tokenizers, config: TrainConfig, training: TrainingTask) -> float:
    return step_seconds(config, training, task_of(config).model(tokenizers, gpu=uses_gpu()))


def _few_updates(config: TrainConfig, task: TrainingTask) -> list[str]:
    """Whether the run is too short to learn anything, in a sentence; one that begins with a whole model is not."""
    if config.init.everything:
        return []
    options = config.training
    minutes = options.max_minutes if "training.max_steps" in config.auto else None
    few = task.too_short(run_length(options, task.steps_per_epoch(0)), options.max_steps, minutes)
    return [few] if few else []


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        logger.warning("%s", sentence)


def _train(
    config: TrainConfig,
    hardware: Hardware,
    task: TrainingTask,
    tokenizers: Tokenizers,
    model: keras.Model,
    store: CheckpointStore,
    folder: RunFolder,
    *,
    watchers: Sequence[Observer],
    run_state: Mapping[str, Any],
    resume_command: str,
) -> TrainingResult:
    options = config.training
    with hardware.scope():
        optimizer = build_optimizer(config.optimizer, config.optimizer.schedule.total_steps)
    optimizer.taken = build_taken(config.init)
    task.follow(optimizer.step)
    observers: list[Observer] = [MetricsLog(folder.metrics), progress(bar=options.progress), *watchers]
    if options.tensorboard:
        observers.append(TensorBoard(folder.tensorboard))
    if options.profile:
        observers.append(build_profiler(options.profile, folder.tensorboard))
    loop = TrainingLoop(
        task=task,
        model=model,
        optimizer=optimizer,
        checkpoints=store,
        options=LoopOptions(
            max_steps=options.max_steps,
            max_epochs=options.epochs,
            max_minutes=options.max_minutes,
            report_every=options.report_every,
            validate_every=options.validate_every,
            checkpoint_every=options.checkpoint_every,
            graph_per_shape=shape_count(config.masking) > 0,
            check_batches=config.masking.policy is MaskingPolicy.cudnn,
            resume_command=resume_command,
        ),
        step=StepOptions(
            clip_norm=config.optimizer.clip_norm or None,
            l2=config.optimizer.l2,
            accumulate=options.accumulate,
            seed=config.seed,
            jit_compile=config.hardware.xla,
            full_batch=task.full_batch,
        ),
        average=MovingAverage(options.ema_decay) if options.ema_decay else None,
        plateau=optimizer.schedule.plateau(task.order),
        early_stopping=build_early_stopping(options, task.order),
        observers=observers,
        hardware=hardware,
        run_state=run_state,
        warm_start=warm_start(config, tokenizers, model, optimizer.taken),
        carried=task.carried_state(model),
    )
    result = loop.run()
    logger.info("Training ended: %s, %.0f s.", result.reason, result.seconds)
    return result


def _choose_weights(
    config: TrainConfig,
    task: TrainingTask,
    model: keras.Model,
    store: CheckpointStore,
    result: TrainingResult,
) -> tuple[str, str]:
    """``best``, or the average of the last checkpoints where that is asked for and better on the validation data; and
    why, in words."""
    best = _reason(result, task.order)
    last = min(config.training.average_last, len(store.milestones()))
    if last < 2:
        return "best", best
    averaged = average_last(store, last)
    store.restore_weights(model, averaged.path)
    validation = task.validate(model)
    logger.info(
        "The average of the last %d checkpoints has validation %s; the best single one %s.",
        last,
        task.order.shown(validation.figures),
        task.order.shown(result.best_metrics) if result.best_metrics else "has none",
    )
    verdict = result.best.compare(validation)
    if not verdict.better:
        return "best", best
    why = task.order.reason(verdict, validation.figures)
    return (
        averaged.path.name,
        f"the average of the last {last} checkpoints, better than the best single one: {why}",
    )


def _reason(result: TrainingResult, order: MetricOrder) -> str:
    if not result.best_metrics:
        logger.warning(
            "No validation gave numbers (NaN in all): the newest checkpoint stands for the best one."
        )
        return f"step {result.step:,}, the newest: no validation gave numbers"
    if result.best.validations == 1:
        return f"step {result.best_step:,}: the only validation"
    reason = order.reason(result.best.verdict, result.best_metrics)
    return f"step {result.best_step:,}, the best of {result.best.validations:,} validations: {reason}"


def _finish(
    run: Run, which: str, reason: str, result: TrainingResult, order: MetricOrder, signs: Sequence[str]
) -> None:
    """Evaluates, and writes what a finished run leaves behind: summary, predictions, plots."""
    config, folder = run.config, run.folder
    split = "test" if build_reader(config.data, "test") is not None else "val"
    evaluation = run.evaluate(split)
    summary: dict[str, Any] = {
        split: evaluation.metrics,
        "signatures": evaluation.signatures,
        "validation": result.best_metrics,
        "checkpoint": which,
        "kept": reason,
        "steps": result.step,
        "best_step": result.best_step,
        "ended": result.reason,
        "wall_time": round(result.seconds, 1),
        "signs": list(signs),
        "parameters": parameters(run.model),
        "versions": {"seq2seq": seq2seq.__version__, **_versions()},
    }
    folder.write_summary(summary)
    if config.training.plots:
        save_learning_curves(
            folder.metrics,
            folder.plots / "learning_curves.png",
            order=order,
            best_step=result.best_step,
        )
        run.task.plot(run.model, run.tokenizers, run.index(split), folder.plots)
    _warn(signs)
    _show(run, split, evaluation)


def _show(run: Run, split: str, evaluation: Evaluation) -> None:
    """Examples, scores and the run's folder, for a person to read."""
    source, output = run.task.labels
    lines = []
    for n in range(min(run.config.task.examples_shown, len(evaluation.predictions))):
        lines += [
            "",
            f"{source:<12} {evaluation.sources[n]}",
            f"{output:<12} {evaluation.predictions[n].texts[0]}",
            f"reference    {evaluation.references[n]}",
        ]
    lines.append("")
    for name, signature in evaluation.signatures.items():
        lines.append(f"{split} {name} {evaluation.metrics[name]:.2f}   ({signature})")
    lines.append(f"run folder: {run.folder.path}")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
