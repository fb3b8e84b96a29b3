"""A process of `test_kills`: trains a task, stopping the training again and again, until it has come to its end.

It imports TensorFlow, and each training is a fork of it, which has only its graphs still to make: without Grappler,
which takes its time. The fork sends the signal to
itself, before a line of this package that is chosen at random within a region of what it does; SIGKILL may come a
little later, also within what TensorFlow does.
"""

from __future__ import annotations

import json
import random
import signal
import sys
from pathlib import Path

import tensorflow as tf

import seq2seq.runs.train
import seq2seq.tasks.contract
from seq2seq.tasks.table import task_class
from seq2seq.training.checkpoints.store import CheckpointStore
from seq2seq.training.loop import TrainingLoop
from seq2seq.training.optim.moving_average import MovingAverage
from tests.contracts.stopped_process import Lines, Regions, start, stopping
from tests.contracts.strategy_run import (
    AUTOENCODER,
    CLASSIFICATION,
    LANGUAGE_MODEL,
    SHARED,
    TRANSLATION,
    data_of,
)
from tests.tiny_speech import SIZES

STEPS = 12

# In the order in which a run comes to them.
REGIONS: Regions = {
    "tokenizer": (seq2seq.tasks.contract.Task, "make_tokenizers"),  # of the task in question
    "index": (seq2seq.tasks.contract.Task, "index"),  # of the task in question
    "step": (TrainingLoop, "_after_step"),
    "checkpoint": (CheckpointStore, "save"),
    "swap": (MovingAverage, "swapped_in"),
    "validation": (TrainingLoop, "_validate"),
    "evaluation": (seq2seq.runs.train, "_finish"),
}
ONCE = ("tokenizer", "index")  # those that a run does not come to again
SIGNALS = (signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
CODES = {signal.SIGINT: 130, signal.SIGTERM: 75, signal.SIGKILL: -signal.SIGKILL}
LONGEST_DELAY = 0.03  # seconds, of SIGKILL

RANDOM = [
    "data.tokenizer.kind=bpe",
    "data.tokenizer.sampling.alpha=0.1",
    "model.embedding.dropout=0.1",
    "model.embedding.word_dropout=0.1",
    "model.encoder.output_dropout=0.2",
    "model.encoder.recurrent_dropout=0.2",
    "optimizer.schedule.name=plateau",
    f"training.max_steps={STEPS}",
    "training.validate_every=4",
    "training.checkpoint_every=2",
]
DECODER = [
    "model.decoder.recurrent_dropout=0.2",
    "model.decoder.attention.dropout=0.2",
    "task.scheduled_sampling.schedule=constant",
]
NOISE = ["task.noise.drop=0.2", "task.noise.mask=0.2", "task.noise.shuffle=2"]
SPEECH = [
    *SIZES,
    "data.tokenizer.vocabulary_size=30",
    "data.augment.speeds=[0.9,1.0,1.1]",
    "data.augment.noise_snr=[10,30]",
    "model.features.dither=1e-4",
    "model.spec_augment.frequency_masks=1",
    "model.spec_augment.frequency_width=3",
    "model.spec_augment.time_masks=2",
    "model.spec_augment.time_warp=3",
]


def training(task: str, folder: Path) -> list[str]:
    """The command that begins or goes on with it."""
    small = "data.tokenizer.vocabulary_size=160"
    options = {
        "translation": [*TRANSLATION, small, *DECODER],
        "speech": [*SPEECH, *DECODER],
        "classification": [*CLASSIFICATION, small, "model.pooling=mean", "model.head.layers=1"],
        "language_model": [*LANGUAGE_MODEL, small, "model.encoder.weight_dropout=0.2"],
        "autoencoder": [*AUTOENCODER, small, *DECODER, *NOISE],
    }[task]
    return [
        "train",
        *options,
        *data_of(task, folder.parent / "corpus"),
        *SHARED,
        *RANDOM,
        f"run_dir={folder}",
    ]


def main(task: str, folder: Path, kills: int, seed: int) -> None:
    """Makes an unbroken run, and broken ones until there were enough kills; prints what was done."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    rng = random.Random(seed)
    own = task_class(task)
    of_task: Regions = {**REGIONS, "tokenizer": (own, "make_tokenizers"), "index": (own, "index")}
    regions = list(REGIONS) if kills > len(REGIONS) else rng.sample(list(REGIONS), kills)
    regions.sort(key=list(REGIONS).index)
    unbroken = folder / "unbroken"
    ended(start(training(task, unbroken), unbroken, Lines(of_task, regions)), 0, unbroken)
    counts = json.loads((folder / "unbroken.lines").read_text())
    done: list[tuple[str, str]] = []
    runs = 0
    while len(done) < kills:
        run = folder / f"broken-{runs}"
        command = training(task, run)
        for region in regions:
            if len(done) == kills:
                break
            number = SIGNALS[(len(done) + runs) % len(SIGNALS)]
            delay = rng.choice([0.0, rng.uniform(0.0, LONGEST_DELAY)]) if number == signal.SIGKILL else 0.0
            # Of what comes again and again, what comes soon, so that a run is stopped often.
            last = counts[region] if region in (*ONCE, "evaluation") else max(1, counts[region] // 4)
            code = start(command, run, stopping(of_task, region, rng.randint(1, last), number, delay))
            if code != 0:  # else it came to its end before
                ended(code, CODES[number], run)
                done.append((region, number.name))
        ended(start(command, run, Lines(of_task)), 0, run)
        runs += 1
    print(json.dumps({"kills": done, "runs": runs}))


def ended(code: int, expected: int, run: Path) -> None:
    log = run.with_suffix(".log").read_text(encoding="utf-8")
    if code != expected or "Traceback" in log or "Exception ignored" in log:
        raise ChildProcessError(f"{run} ended with {code}, not {expected}:\n{log}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
