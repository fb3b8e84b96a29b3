"""A process of `test_kills`: trains a task, stopping the training again and again, until it has come to its end.

It imports TensorFlow, and each training is a fork of it, which has only its graphs still to make: without AutoGraph,
which they do not need, and without Grappler, which together take longer than all the rest. The fork sends the signal to
itself, before a line of this package that is chosen at random within a region of what it does; SIGKILL may come a
little later, also within what TensorFlow does.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

import seq2seq.cli.commands
import seq2seq.runs.train
import seq2seq.tasks.build
from seq2seq import cli
from seq2seq.training.checkpoints.store import CheckpointStore
from seq2seq.training.loop import TrainingLoop
from seq2seq.training.optim.moving_average import MovingAverage
from tests.contracts.strategy_run import SHARED, TRANSLATION, data_of
from tests.tiny_speech import SIZES

STEPS = 12
SOURCES = str(Path(seq2seq.runs.train.__file__).parents[1])

# A region is what a function does, and all that it calls; in the order in which a run comes to them.
REGIONS: dict[str, tuple[Any, str]] = {
    "tokenizer": (seq2seq.runs.train, "make_tokenizers"),
    "index": (seq2seq.tasks.build, "make_index"),
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
    "model.decoder.recurrent_dropout=0.2",
    "model.decoder.attention.dropout=0.2",
    "task.scheduled_sampling.schedule=constant",
    "optimizer.schedule.name=plateau",
    f"training.max_steps={STEPS}",
    "training.validate_every=4",
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


class Lines:
    """Counts the lines of this package that are run within some regions, each without those inside it.

    Only there does Python trace lines, which makes it slow.

    Args:
        regions: of `REGIONS`.
        act: called before each line with its region and its number there.
    """

    def __init__(
        self, regions: Sequence[str], act: Callable[[str, int], None] = lambda region, line: None
    ) -> None:
        self.counts = dict.fromkeys(regions, 0)
        self._act = act
        self._inside: list[str] = []  # the regions that are entered, the innermost last

    def watch(self) -> None:
        """From now on, in this process."""
        for region, (owner, name) in REGIONS.items():
            function = inspect.unwrap(getattr(owner, name))
            if inspect.isgeneratorfunction(function):
                setattr(owner, name, self._watched_block(region, getattr(owner, name)))
            else:
                setattr(owner, name, self._watched(region, function))

    def _watched(self, region: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            outside = sys.gettrace()
            self._inside.append(region)
            sys.settrace(self._trace if region in self.counts else None)
            try:
                return function(*args, **kwargs)
            finally:
                sys.settrace(outside)
                self._inside.pop()

        return watched

    def _watched_block(self, region: str, block: Callable[..., Any]) -> Callable[..., Any]:
        """What is done when a `with` block is entered and left."""

        @contextmanager
        def watched(*args: Any, **kwargs: Any) -> Iterator[None]:
            opened = block(*args, **kwargs)
            self._watched(region, opened.__enter__)()
            try:
                yield
            finally:
                self._watched(region, opened.__exit__)(*sys.exc_info())

        return watched

    def _trace(self, frame: Any, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(SOURCES):
            return None
        if event == "line":
            region = self._inside[-1]
            self.counts[region] += 1
            self._act(region, self.counts[region])
        return self._trace


def start(task: str, folder: Path, lines: Lines) -> int:
    """Begins or goes on with a training, in a process of its own; returns how that ended."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    options = SPEECH if task == "speech" else [*TRANSLATION, "data.tokenizer.vocabulary_size=160"]
    overrides = [*options, *data_of(task, folder.parent / "corpus"), *SHARED, *RANDOM, f"run_dir={folder}"]
    log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        lines.watch()
        cli.main(["train", *overrides])
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    if code == 0:
        folder.with_suffix(".lines").write_text(json.dumps(lines.counts))
    os._exit(code)


def stopping(region: str, line: int, number: signal.Signals, delay: float) -> Lines:
    """Sends a signal to the own process before a line of a region."""

    def act(at: str, count: int) -> None:
        if (at, count) != (region, line):
            return
        if delay:
            threading.Timer(delay, os.kill, (os.getpid(), number)).start()
        else:
            signal.raise_signal(number)

    return Lines([region], act)


def main(task: str, folder: Path, kills: int, seed: int) -> None:
    """Makes an unbroken run, and broken ones until there were enough kills; prints what was done."""
    tf.function = functools.partial(tf.function, autograph=False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    rng = random.Random(seed)
    regions = list(REGIONS) if kills > len(REGIONS) else rng.sample(list(REGIONS), kills)
    regions.sort(key=list(REGIONS).index)
    ended(start(task, folder / "unbroken", Lines(regions)), 0, folder / "unbroken")
    counts = json.loads((folder / "unbroken.lines").read_text())
    done: list[tuple[str, str]] = []
    runs = 0
    while len(done) < kills:
        run = folder / f"broken-{runs}"
        for region in regions:
            if len(done) == kills:
                break
            number = SIGNALS[(len(done) + runs) % len(SIGNALS)]
            delay = rng.choice([0.0, rng.uniform(0.0, LONGEST_DELAY)]) if number == signal.SIGKILL else 0.0
            # Of what comes again and again, what comes soon, so that a run is stopped often.
            last = counts[region] if region in (*ONCE, "evaluation") else max(1, counts[region] // 4)
            code = start(task, run, stopping(region, rng.randint(1, last), number, delay))
            if code != 0:  # else it came to its end before
                ended(code, CODES[number], run)
                done.append((region, number.name))
        ended(start(task, run, Lines([])), 0, run)
        runs += 1
    print(json.dumps({"kills": done, "runs": runs}))


def ended(code: int, expected: int, run: Path) -> None:
    log = run.with_suffix(".log").read_text(encoding="utf-8")
    if code != expected or "Traceback" in log or "Exception ignored" in log:
        raise ChildProcessError(f"{run} ended with {code}, not {expected}:\n{log}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
