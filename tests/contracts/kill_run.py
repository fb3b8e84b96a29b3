"""A process of `test_kills`: trains a task, killing the training again and again, until it has come to its end.

It imports TensorFlow, and each training is a fork of it, which has only its graphs still to make.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from seq2seq.config.compose import compose
from seq2seq.runs.train import train
from tests.contracts.strategy_run import SHARED, TRANSLATION, data_of
from tests.tiny_speech import SIZES

STEPS = 24

RANDOM = [
    "data.tokenizer.kind=bpe",
    "data.tokenizer.sampling.alpha=0.1",
    "model.embedding.dropout=0.1",
    "model.embedding.word_dropout=0.1",
    "model.encoder.output_dropout=0.2",
    "model.encoder.recurrent_dropout=0.2",
    "model.decoder.recurrent_dropout=0.2",
    "model.decoder.attention.dropout=0.2",
    "task.scheduled_sampling.schedule=constant",
    "optimizer.schedule.name=plateau",
    f"training.max_steps={STEPS}",
    "training.validate_every=8",
    "training.checkpoint_every=2",
]
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


def start(task: str, folder: Path) -> int:
    """Begins or goes on with a training, in a process whose number is returned."""
    process = os.fork()
    if process:
        return process
    options = SPEECH if task == "speech" else [*TRANSLATION, "data.tokenizer.vocabulary_size=160"]
    try:
        train(
            compose(
                [*options, *data_of(task, folder.parent / "corpus"), *SHARED, *RANDOM, f"run_dir={folder}"]
            )
        )
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    os._exit(code)


def ended(process: int) -> bool:
    """Whether it has come to its end; raises if that was not a good one."""
    done, status = os.waitpid(process, os.WNOHANG)
    if done and status:
        raise ChildProcessError(f"training ended with status {status}")
    return bool(done)


def kill(process: int, folder: Path, rng: random.Random) -> bool:
    """Kills it at a random moment: while a checkpoint is written, or some time after a step. Whether it still ran."""
    log, checkpoints = folder / "metrics.jsonl", folder / "checkpoints"
    writing, before = rng.random() < 0.5, log.read_bytes() if log.exists() else b""
    lines = rng.randrange(1, 4)
    while not ended(process):
        if writing:
            due = any(checkpoints.glob(".writing-*"))
        else:
            due = log.exists() and log.read_bytes().count(b"\n") >= before.count(b"\n") + lines
        if due:
            time.sleep(rng.uniform(0.0, 0.03))
            os.kill(process, signal.SIGKILL)
            return os.waitpid(process, 0)[1] == signal.SIGKILL
        time.sleep(0.0005)
    return False


def main(task: str, folder: Path, kills: int, seed: int) -> None:
    unbroken = start(task, folder / "unbroken")
    while not ended(unbroken):
        time.sleep(0.05)
    rng, done, starts = random.Random(seed), 0, 0
    while done < kills:
        run = folder / f"broken-{starts}"
        process = start(task, run)
        # A run that came to its end before all kills were made is followed by another one.
        while done < kills and kill(process, run, rng):
            done += 1
            process = start(task, run)
        while done == kills and not ended(process):
            time.sleep(0.05)
        starts += 1
    print(json.dumps({"kills": done, "runs": starts}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
