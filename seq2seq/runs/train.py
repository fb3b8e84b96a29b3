"""Training a run, from a configuration to an evaluated model."""

from __future__ import annotations

import logging
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console

import seq2seq
from seq2seq.config.saved import differences, load, to_yaml
from seq2seq.config.schema import MaskingPolicy, TrainConfig
from seq2seq.datasets.batches.stream import Share
from seq2seq.datasets.build import build_reader
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.errors import ConfigError, UserError
from seq2seq.hardware.devices import Hardware, configure, uses_gpu
from seq2seq.models.build import encoder_kernel
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.speech import SpeechModel
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.use import Run, build_model, parameters
from seq2seq.tasks.build import (
    build_task,
    build_transcriber,
    load_tokenizers,
    make_tokenizers,
    required_reader,
    shape_count,
)
from seq2seq.tasks.evaluation import Evaluation
from seq2seq.tasks.task import Task
from seq2seq.training.build import build_early_stopping, build_optimizer, build_plateau, build_profiler
from seq2seq.training.checkpoints.averaging import average_last
from seq2seq.training.checkpoints.store import CheckpointStore
from seq2seq.training.loop import TrainingLoop
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.reports.metrics_log import MetricsLog
from seq2seq.training.reports.observer import Observer
from seq2seq.training.reports.plots import save_alignment, save_learning_curves, save_utterance
from seq2seq.training.reports.progress import progress
from seq2seq.training.reports.tensorboard import TensorBoard
from seq2seq.training.state import TrainingResult

logger = logging.getLogger(__name__)

CHANGEABLE = ("training.", "search.", "hardware.", "export.", "task.examples_shown")
"""What may differ when a run is continued; everything else decides what is being trained."""

PLOTTED_EXAMPLES = 4
VERSIONED = ("tensorflow", "tensorflow-addons", "sentencepiece", "sacrebleu")


def train(config: TrainConfig) -> Path:
    """Trains, or goes on with the run in ``config.run_dir``; evaluates the best weights; returns the run's folder.

    With several workers all call it, and the first of them prepares and evaluates for all.

    Raises:
      UserError: what the user gave does not work: files, sizes, a folder of another run, a loss that is not finite.
      KeyboardInterrupt: Ctrl-C, after a checkpoint was written.
    """
    hardware = configure(config.hardware)
    logger.info("Running on %s.", hardware.description)
    if not hardware.chief:
        folder = RunFolder(hardware.from_chief())
        if not folder.tokenizer.is_dir():
            raise UserError(
                f"Worker {hardware.worker} does not find {folder.path}, where worker 0 has made the run; all workers"
                " need to see the same run_dir."
            )
        _run(config, hardware, folder)
        return folder.path
    required_reader(config.data, "train")
    required_reader(config.data, "val")
    folder = RunFolder.create(config.run_dir, task=str(config.task.name))
    with folder.locked():
        if folder.has_config:
            _refuse_another_run(load(folder.config), config, folder)
        else:  # what a start that failed left there may be of other options
            make_tokenizers(config.data, folder.tokenizer, config.seed)
        _run(config, hardware, folder)
    return folder.path


def _run(config: TrainConfig, hardware: Hardware, folder: RunFolder) -> None:
    tokenizers = load_tokenizers(config.data, folder.tokenizer)
    share = Share(
        hardware.replicas,
        hardware.worker * hardware.local_replicas,
        hardware.local_replicas,
        config.training.accumulate,
    )
    task = build_task(config, tokenizers, folder.path / "index", share)
    if hardware.chief:
        hardware.from_chief(str(folder.path.absolute()))  # all that the others read there is written
    tf.keras.utils.set_random_seed(config.seed)
    with hardware.scope():
        model = build_model(config, tokenizers)
    store = CheckpointStore(
        folder.checkpoints, keep=max(config.training.keep_checkpoints, config.training.average_last)
    )
    if hardware.chief:
        folder.write_config(to_yaml(config))
        kernel = encoder_kernel(config.model, config.masking, gpu=uses_gpu())
        logger.info("Encoder: %s. Decoder: %s.", kernel.reason, model.decoder.kernel_reason)
        logger.info("%s parameters; run folder %s", f"{parameters(model):,}", folder.path)
    result = _train(config, hardware, task, model, store, folder)
    if hardware.chief:
        which = _choose_weights(config, task, model, store, result)
        store.restore_weights(model, which)
        _finish(Run(folder, config, tokenizers, model), which, result)
    hardware.from_chief()  # which the others wait for: it would notice that they are gone


def _refuse_another_run(saved: TrainConfig, config: TrainConfig, folder: RunFolder) -> None:
    changed = [text for text in differences(saved, config) if not text.startswith(CHANGEABLE)]
    if changed:
        raise ConfigError(
            [f"{text}: {folder.path} holds a run of another value; give another run_dir" for text in changed]
        )


def _train(
    config: TrainConfig,
    hardware: Hardware,
    task: Task,
    model: EncoderDecoder,
    store: CheckpointStore,
    folder: RunFolder,
) -> TrainingResult:
    options = config.training
    total_steps = options.epochs * task.steps_per_epoch(0)
    total_steps = min(total_steps, options.max_steps or total_steps)
    with hardware.scope():
        optimizer = build_optimizer(config.optimizer, total_steps)
    task.follow(optimizer.step)
    observers: list[Observer] = [MetricsLog(folder.metrics), progress(bar=options.progress)]
    if options.tensorboard:
        observers.append(TensorBoard(folder.tensorboard))
    loop = TrainingLoop(
        task=task,
        model=model,
        optimizer=optimizer,
        checkpoints=store,
        clip_norm=config.optimizer.clip_norm or None,
        l2=config.optimizer.l2,
        average=MovingAverage(options.ema_decay) if options.ema_decay else None,
        plateau=build_plateau(config.optimizer, task.higher_is_better),
        early_stopping=build_early_stopping(options, task.higher_is_better),
        observers=observers,
        max_steps=options.max_steps,
        max_epochs=options.epochs,
        report_every=options.report_every,
        validate_every=options.validate_every,
        checkpoint_every=options.checkpoint_every,
        check=task.check if config.masking.policy is MaskingPolicy.cudnn else None,
        graph_per_shape=shape_count(config.masking) > 0,
        hardware=hardware,
        seed=config.seed,
        accumulate=options.accumulate,
        jit_compile=config.hardware.xla,
        profiler=build_profiler(options, folder.tensorboard),
        resume_command=f"python train.py run_dir={folder.path}",
    )
    result = loop.run()
    logger.info("Training ended: %s, %.0f s.", result.reason, result.seconds)
    return result


def _choose_weights(
    config: TrainConfig,
    task: Task,
    model: EncoderDecoder,
    store: CheckpointStore,
    result: TrainingResult,
) -> str:
    """``best``, or the average of the last checkpoints where that is asked for and better on the validation data."""
    last = min(config.training.average_last, len(store.milestones()))
    if last < 2:
        return "best"
    averaged = average_last(store, last)
    store.restore_weights(model, averaged.path)
    value, best = task.validate(model)[task.metric], result.best_metrics[task.metric]
    better = value > best if task.higher_is_better else value < best
    logger.info(
        "The average of the last %d checkpoints has validation %s %.2f, the best single one %.2f.",
        last,
        task.metric,
        value,
        best,
    )
    return averaged.path.name if better else "best"


def _finish(run: Run, which: str, result: TrainingResult) -> None:
    """Evaluates, and writes what a finished run leaves behind: summary, predictions, plots."""
    config, folder = run.config, run.folder
    split = "test" if build_reader(config.data, "test") is not None else "val"
    evaluation = run.evaluate(split)
    summary: dict[str, Any] = {
        split: evaluation.metrics,
        "signatures": evaluation.signatures,
        "validation": result.best_metrics,
        "checkpoint": which,
        "steps": result.step,
        "best_step": result.best_step,
        "ended": result.reason,
        "wall_time": round(result.seconds, 1),
        "parameters": parameters(run.model),
        "versions": {"seq2seq": seq2seq.__version__, **{name: metadata.version(name) for name in VERSIONED}},
    }
    folder.write_summary(summary)
    if config.training.plots:
        save_learning_curves(
            folder.metrics,
            folder.plots / "learning_curves.png",
            metric=config.task.metric.value,
            lower_is_better=not config.task.metric.higher_is_better,
        )
        _plot_examples(run, split, evaluation)
    _show(run, split, evaluation)


def _plot_examples(run: Run, split: str, evaluation: Evaluation) -> None:
    if run.hears:
        _plot_utterances(run, split)
        return
    sources = evaluation.sources[:PLOTTED_EXAMPLES]
    for n, prediction in enumerate(run.predict(sources, alignments=True)):
        assert prediction.alignment is not None
        save_alignment(
            run.folder.plots / f"attention_{n + 1}.png",
            source_pieces=prediction.source_pieces,
            target_pieces=prediction.pieces,
            alignment=prediction.alignment,
            title=f"example {n + 1}",
        )


def _plot_utterances(run: Run, split: str) -> None:
    model, index = run.model, run.index(split)
    assert isinstance(model, SpeechModel)
    assert isinstance(index, UtteranceIndex)
    transcriber = build_transcriber(run.config, model, run.tokenizers, alignments=True)
    rows = range(min(PLOTTED_EXAMPLES, len(index)))
    waveforms = [index.waveform(row) for row in rows]
    for row, waveform, found in zip(rows, waveforms, transcriber.transcribe(waveforms)):
        features, _ = model.features(waveform[np.newaxis], np.array([len(waveform)], np.int32))
        save_utterance(
            run.folder.plots / f"utterance_{row + 1}.png",
            features=features[0].numpy(),
            hop=model.features.options.hop_ms / 1000.0,
            pieces=found.pieces,
            alignment=found.alignment,
            posteriors=found.posteriors,
            blank_id=run.tokenizers.target.pad_id,
            title=f"{index.utterances[row].id}: {found.texts[0]}",
        )


_LABELS = {"translation": ("source", "translation"), "speech": ("utterance", "recognised")}


def _show(run: Run, split: str, evaluation: Evaluation) -> None:
    """Examples, scores and the run's folder, for a person to read."""
    source, output = _LABELS[str(run.config.task.name)]
    console = Console(highlight=False, soft_wrap=True)
    shown = min(run.config.task.examples_shown, len(evaluation.predictions))
    for n in range(shown):
        console.print()
        console.print(f"{source:<12}", evaluation.sources[n], markup=False)
        console.print(f"{output:<12}", evaluation.predictions[n].texts[0], markup=False)
        console.print("reference   ", evaluation.references[n], markup=False)
    console.print()
    for name, signature in evaluation.signatures.items():
        line = f"{split} {name} {evaluation.metrics[name]:.2f}   ({signature})"
        console.print(line, markup=False)
    console.print(f"run folder: {run.folder.path}", markup=False)
