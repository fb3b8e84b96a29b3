"""Whether a long run stays as large as it begins: graphs and resident memory over thousands of steps of random lengths.

    python benchmarks/long_run.py [--tasks translation speech] [--steps 5000] [KEY=VALUE …]

Trains tiny models of both tasks on the bundled samples, validates now and then, and prints how many graphs of the step
were traced, and the slope of a line through the memory after the first fifth of the run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from seq2seq.config.compose import compose
from seq2seq.keras2 import keras
from seq2seq.tasks.table import task_of
from seq2seq.training.build import build_optimizer
from seq2seq.training.reports.memory import resident_memory
from seq2seq.training.step import StepOptions, TrainStep

TINY = [
    "data.batch.type=examples",
    "data.batch.size=4",
    "model.embedding.size=8",
    "model.encoder.units=8",
    "model.decoder.units=8",
    "model.decoder.attention.layer_size=8",
    "search.max_length_ratio=0.2",
]
VALIDATIONS = 5
LOOKS = 100  # at the memory, at most


def every(steps: int) -> int:
    """How many steps there are between two looks."""
    return max(1, steps // LOOKS)


def run(task_name: str, steps: int, overrides: list[str]) -> tuple[int, np.ndarray]:
    """Graphs traced, and the memory in MiB after every ``every(steps)`` of them."""
    config = compose([f"task={task_name}", *TINY, *overrides])
    with tempfile.TemporaryDirectory() as folder:
        of_config = task_of(config)
        tokenizers = of_config.make_tokenizers(Path(folder))
        task, model = of_config.training(tokenizers, Path(folder)), of_config.model(tokenizers)
        optimizer = build_optimizer(config.optimizer, steps)
        task.follow(optimizer.step)
        optimizer.build(model.trainable_variables)
        step = TrainStep(
            model=model,
            loss=task.loss,
            optimizer=optimizer,
            options=StepOptions(clip_norm=1.0),
            signature=task.batches(0, 0).element_spec[0],
        )

        def batches() -> Iterator[tuple]:
            epoch = 0
            while True:
                yield from task.batches(epoch, 0)
                epoch += 1

        memory = []
        for number, batch in zip(range(1, steps + 1), batches()):
            step(batch)
            if number % max(1, steps // VALIDATIONS) == 0:
                task.validate(model)
            if number % every(steps) == 0:
                memory.append(resident_memory())
        return step.traces, np.array(memory)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=5000, help=f"{2 * VALIDATIONS} or more")
    parser.add_argument("--tasks", nargs="+", default=["translation", "speech"])
    arguments, overrides = parser.parse_known_args()
    for task_name in arguments.tasks:
        keras.utils.set_random_seed(1)
        traces, memory = run(task_name, arguments.steps, overrides)
        settled = memory[len(memory) // VALIDATIONS :]
        slope, _ = np.polyfit(np.arange(len(settled)) * every(arguments.steps) / 1000, settled, 1)
        fifths = ", ".join(
            f"{value:.0f}" for value in memory[len(memory) // VALIDATIONS - 1 :: len(memory) // VALIDATIONS]
        )
        print(
            f"{task_name}: {arguments.steps} steps, {traces} graph of the step; {fifths} MiB after each fifth of them,"
            f" {slope:+.2f} MiB per 1,000 steps",
            flush=True,
        )


if __name__ == "__main__":
    main()
