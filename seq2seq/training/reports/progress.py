"""What a person sees of a training run: a progress bar on a terminal, lines in a log elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from seq2seq.training.reports.observer import Observer

logger = logging.getLogger(__name__)


def progress(console: Console | None = None, *, bar: bool = True) -> Observer:
    """A progress bar where `console` is a terminal and `bar` is wanted, else one log line per report."""
    console = console or Console(stderr=True)
    return ProgressBar(console) if bar and console.is_terminal else ProgressLines()


class ProgressLines(Observer):
    """One line of the log per report and per validation."""

    def __init__(self) -> None:
        self._total_steps: int | None = None

    def start(self, *, step: int, total_steps: int | None) -> None:
        self._total_steps = total_steps
        if step:
            logger.info("Going on after step %d.", step)

    def report(self, record: Mapping[str, float]) -> None:
        steps = f"{record['step']}/{self._total_steps}" if self._total_steps else f"{record['step']}"
        logger.info(
            "epoch %d · step %s · loss %.4f · perplexity %.2f · %s tokens/s · learning rate %.2e",
            record["epoch"],
            steps,
            record["loss"],
            record["perplexity"],
            f"{record['tokens_per_second']:,.0f}",
            record["learning_rate"],
        )

    def validation(self, record: Mapping[str, float]) -> None:
        logger.info(
            "epoch %d · step %d · validation: %s", record["epoch"], record["step"], validation_text(record)
        )


class ProgressBar(Observer):
    """A bar with the epoch, step, loss, tokens/s and time left; validations scroll away above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def start(self, *, step: int, total_steps: int | None) -> None:
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            _Steps(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            TextColumn("{task.fields[tokens_per_second]:,.0f} tokens/s"),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("left"),
            console=self._console,
            refresh_per_second=2,
            speed_estimate_period=300,  # so that a validation does not upset the time left
            expand=True,
        )
        self._task = self._bar.add_task(
            "", total=total_steps, completed=step, epoch=1, loss=float("nan"), tokens_per_second=0.0
        )
        self._bar.start()

    def advance(self, *, step: int, epoch: int, loss: float, tokens_per_second: float) -> None:
        if self._bar is not None:
            self._bar.update(
                self._task, completed=step, epoch=epoch, loss=loss, tokens_per_second=tokens_per_second
            )

    def validation(self, record: Mapping[str, float]) -> None:
        self._console.print(
            f"epoch {record['epoch']:.0f} · step {record['step']:.0f} · {validation_text(record)}",
            highlight=False,
        )

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class _Steps(ProgressColumn):
    def render(self, task: Task) -> Text:
        total = f"/{task.total:.0f}" if task.total else ""
        return Text(f"step {task.completed:.0f}{total}")


def validation_text(record: Mapping[str, float]) -> str:
    """`loss 2.1034 · perplexity 8.19 · bleu 34.30`, from the `val_` entries of a record."""
    values = {name[len("val_") :]: value for name, value in record.items() if name.startswith("val_")}
    return " · ".join(f"{name} {value:.{4 if name == 'loss' else 2}f}" for name, value in values.items())
