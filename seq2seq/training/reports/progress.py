"""What a person sees of a training run: a progress bar on a terminal, lines in a log elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
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

    def start(self, *, step: int, epoch: int, total_steps: int | None) -> None:
        self._total_steps = total_steps

    def advance(self, *, total_steps: int | None, **_: Any) -> None:
        self._total_steps = total_steps

    def report(self, record: Mapping[str, Any]) -> None:
        steps = f"{record['step']}/{self._total_steps}" if self._total_steps else f"{record['step']}"
        skipped = record.get("skipped_updates", 0)
        parts = [f"epoch {record['epoch']}", f"step {steps}"]
        if record["loss"] is not None:
            parts += [f"loss {record['loss']:.4f}", f"perplexity {record['perplexity']:.2f}"]
        if skipped:
            every = "every update" if record["loss"] is None else f"{skipped} updates"
            parts.append(f"{every} skipped: no finite gradient in float16")
        parts.append(f"{record['tokens_per_second']:,.0f} tokens/s")
        parts.append(f"learning rate {record['learning_rate']:.2e}")
        logger.info("%s", " · ".join(parts))

    def validation(self, record: Mapping[str, Any]) -> None:
        logger.info(
            "epoch %d · step %d · validation: %s", record["epoch"], record["step"], validation_text(record)
        )


class ProgressBar(Observer):
    """A bar with the epoch, step, loss, tokens/s and time left; validations scroll away above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def start(self, *, step: int, epoch: int, total_steps: int | None) -> None:
        self._bar = Progress(
            _Column(lambda task: f"epoch {task.fields['epoch']}"),
            BarColumn(bar_width=None),
            _Column(_steps),
            _Column(lambda task: f"loss {_or_dash(task.fields['loss'], '.3f')}"),
            _Column(_activity),
            _Column(_time_left),
            console=self._console,
            refresh_per_second=2,
            speed_estimate_period=300,  # so that a validation does not upset the time left
            expand=True,
        )
        self._task = self._bar.add_task(
            "",
            total=total_steps,
            completed=step,
            epoch=epoch,
            loss=None,
            tokens_per_second=None,
            validating=False,
        )
        self._bar.start()

    def advance(
        self,
        *,
        step: int,
        epoch: int,
        total_steps: int | None,
        loss: float | None,
        tokens_per_second: float | None,
    ) -> None:
        if self._bar is not None:
            self._bar.update(
                self._task,
                completed=step,
                total=total_steps,
                epoch=epoch,
                loss=loss,
                tokens_per_second=tokens_per_second,
            )

    def validating(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, validating=True, refresh=True)

    def validation(self, record: Mapping[str, Any]) -> None:
        if self._bar is not None:
            self._bar.update(self._task, validating=False, refresh=True)
        self._console.print(
            f"epoch {record['epoch']:.0f} · step {record['step']:.0f} · {validation_text(record)}",
            highlight=False,
        )

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class _Column(ProgressColumn):
    """A text made of the state of the bar."""

    def __init__(self, text: Callable[[Task], str]) -> None:
        super().__init__()
        self._text = text

    def render(self, task: Task) -> Text:
        return Text(self._text(task))


def _steps(task: Task) -> str:
    total = "" if task.total is None else f"/{task.total:.0f}"
    return f"step {task.completed:.0f}{total}"


def _activity(task: Task) -> str:
    if task.fields["validating"]:
        return "validating"
    return f"{_or_dash(task.fields['tokens_per_second'], ',.0f')} tokens/s"


def _time_left(task: Task) -> str:
    if task.total is None:
        return ""
    seconds = task.time_remaining
    return f"{'-:--:--' if seconds is None else timedelta(seconds=int(seconds))} left"


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def validation_text(record: Mapping[str, Any]) -> str:
    """`loss 2.1034 · perplexity 8.19 · bleu 34.30`, from the `val_` entries of a record; those with a slash in their
    name are for files."""
    values = {
        name[len("val_") :]: value
        for name, value in record.items()
        if name.startswith("val_") and "/" not in name
    }
    return " · ".join(f"{name} {value:.{4 if name == 'loss' else 2}f}" for name, value in values.items())
