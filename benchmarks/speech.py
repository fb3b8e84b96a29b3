"""How much faster than real time speech is learnt and recognised: hours of audio per hour, and per hour of processor
time, which says more where others use the processor too.

    python benchmarks/speech.py [RUN] [--steps 15] [--seconds 60] [--rounds 3] [KEY=VALUE …]

RUN is a trained run, with the data it was trained on; without it, a fresh model of ``task=speech`` on the bundled
sample, whose texts would all run to the longest that is allowed: that is set to as long as the sample's are. KEY=VALUE
are those of ``seq2seq evaluate`` or, without RUN, of ``train.py``. Training is the step with the making of its batches
(from the cache of audio), recognition is what ``predict`` does from the files on; graphs are made before. The ways to
recognise take turns, and the table gives the median of the rounds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from seq2seq.audio import AudioReader
from seq2seq.config.compose import compose
from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.hardware import devices as hardware
from seq2seq.keras2 import keras
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.use import Run, load_run
from seq2seq.tasks.speech.transcriber import Transcriber, search_weight
from seq2seq.tasks.table import task_of
from seq2seq.training.build import build_optimizer
from seq2seq.training.step import StepOptions, TrainStep

BEAM = 5
BATCHES = (16, 1)
FRESH = ["search.max_length_ratio=0.4", "search.max_length_offset=0"]
"""Characters of the sample per 40 ms."""


def opened(path: Path | None, overrides: list[str], folder: Path) -> Run:
    if path is not None:
        return load_run(path, overrides)
    config = compose(["task=speech", f"run_dir={folder}", *FRESH, *overrides])
    hardware.configure(config.hardware)
    keras.utils.set_random_seed(config.seed)
    tokenizers = task_of(config).make_tokenizers(folder)
    return Run(RunFolder(folder), config, tokenizers, task_of(config).model(tokenizers))


def clock() -> np.ndarray:
    """Seconds on the wall, and of processor time."""
    return np.array([time.perf_counter(), time.process_time()])


def training(run: Run, steps: int) -> np.ndarray:
    """Hours of audio that an hour of training steps reads, by both clocks."""
    task = task_of(run.config).training(run.tokenizers, run.folder.path / "index")
    rate = run.config.model.features.sample_rate
    optimizer = build_optimizer(run.config.optimizer, 1000)
    task.follow(optimizer.step)
    optimizer.build(run.model.trainable_variables)
    batches = task.batches(0, 0)
    clip_norm = run.config.optimizer.clip_norm or None
    step = TrainStep(
        model=run.model,
        loss=task.loss,
        optimizer=optimizer,
        options=StepOptions(clip_norm=clip_norm),
        signature=batches.element_spec[0],
    )
    samples, started = 0, clock()
    for number, batch in zip(range(steps + 1), batches):
        step(batch)
        if number == 0:
            started = clock()
        else:
            samples += int(tf.reduce_sum(batch[0][0].waveform_length))
    return samples / rate / (clock() - started)


def recognition(run: Run, index: UtteranceIndex, seconds: float, rounds: int) -> dict[str, np.ndarray]:
    """By the way to recognise, hours of audio in an hour, by both clocks."""
    rate = run.config.model.features.sample_rate
    lengths = np.cumsum([utterance.seconds for utterance in index.utterances])
    chosen = index.utterances[: 1 + int(np.searchsorted(lengths, seconds))]
    read = AudioReader(rate)

    def recognise(transcriber: Transcriber) -> np.ndarray:
        started = clock()
        for _ in transcriber.transcribe(read(u.audio, start=u.start, end=u.end) for u in chosen):
            pass
        return clock() - started

    calls: dict[str, Callable[[], np.ndarray]] = {}
    for name, width in ((SearchName.greedy, 1), (SearchName.beam, BEAM)):
        for batch_size in BATCHES:
            options: dict[str, Any] = {**vars(run.config.search), "name": name, "beam_width": width}
            options.update(n_best=1, batch_size=batch_size)
            search = SearchConfig(**options)
            weight = search_weight(search, run.config.task)
            transcriber = Transcriber(run.model, run.tokenizers.target, search, ctc_weight=weight)
            transcriber.transcribe_batch([index.waveform(0)])
            what = f"{'greedy' if width == 1 else f'beam {BEAM}'}, batch of {batch_size}"
            calls[what] = lambda transcriber=transcriber: recognise(transcriber)
    times: dict[str, list[np.ndarray]] = {what: [] for what in calls}
    for number in range(rounds):
        for what in list(calls) if number % 2 == 0 else reversed(calls):
            times[what].append(calls[what]())
    audio = sum(utterance.seconds for utterance in chosen)
    print(f"{len(chosen)} utterances, {audio:.0f} s of audio, {rounds} rounds")
    return {what: audio / np.median(found, axis=0) for what, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", metavar="RUN")
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    options = parser.parse_intermixed_args()
    given = [text for text in (options.run, *options.overrides) if text]
    path = Path(given.pop(0)) if given and "=" not in given[0] else None
    with tempfile.TemporaryDirectory() as name:
        run = opened(path, given, Path(name))
        split = "test" if run.config.data.test else "val"
        found = recognition(run, run.index(split), options.seconds, options.rounds)
        what = f"training, batches of {run.config.data.batch.size} {run.config.data.batch.type}"
        found[what] = training(run, options.steps)
        for what, (wall, processor) in found.items():
            print(
                f"  {what:<36} {wall:8.1f} h of audio per hour, {processor:8.1f} per hour of processor time"
            )


if __name__ == "__main__":
    main()
