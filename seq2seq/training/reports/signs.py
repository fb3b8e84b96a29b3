"""Signs that a run goes wrong: what it measures so far tells them, and each is said once."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional

from seq2seq.metrics.metric import MetricOrder
from seq2seq.training.reports.metrics_log import read_metrics
from seq2seq.training.reports.observer import Observer

logger = logging.getLogger(__name__)


@dataclass
class History:
    """What a run has measured so far.

    Attributes:
        order: tells the better of two validations.
        total_steps: where the run will end at the latest, as far as is foreseen.
        validations: oldest first: ``step``, ``train_loss`` (cross entropy, of the report before it), and what
            `Task.validate` gave, by name. What was not finite, or is not known, is NaN.
    """

    order: MetricOrder
    total_steps: int = 0
    validations: list[dict[str, float]] = field(default_factory=list)
    train_loss: float = math.nan

    def add(self, record: Mapping[str, Any]) -> bool:
        """Takes a record, see `Observer`; True where it is one of a validation."""
        figures = {name[4:]: _number(value) for name, value in record.items() if name.startswith("val_")}
        if figures:
            self.validations.append({"step": record["step"], "train_loss": self.train_loss, **figures})
        else:
            self.train_loss = _number(record.get("cross_entropy"))
        return bool(figures)


Sign = Callable[[History], Optional[str]]
"""A sentence: what is wrong, and what to do; None where nothing is, or nothing is known yet."""


def show(signs: Mapping[str, Sign], history: History) -> dict[str, str]:
    """The sentences of those signs that there are, by their names."""
    sentences = {name: sign(history) for name, sign in signs.items()} if history.validations else {}
    return {name: sentence for name, sentence in sentences.items() if sentence is not None}


class SignWatch(Observer):
    """Logs each sign at the first validation that shows it.

    It keeps nothing of its own: a run that goes on reads what it measured before, and says no more than one that was
    never stopped.

    Args:
        signs: by name.
        order: of the task.
        metrics: metrics.jsonl of the run.
    """

    def __init__(self, signs: Mapping[str, Sign], order: MetricOrder, metrics: str | Path) -> None:
        self._signs = signs
        self._order = order
        self._metrics = Path(metrics)
        self._history = History(order)
        self._shown: set[str] = set()

    def start(self, *, step: int, epoch: int, total_steps: int | None) -> None:
        self._history, self._shown = History(self._order, total_steps or 0), set()
        for record in _before(self._metrics, step):
            self._take(record)

    def report(self, record: Mapping[str, Any]) -> None:
        self._take(record)

    def validation(self, record: Mapping[str, Any]) -> None:
        for sentence in self._take(record):
            logger.warning("%s", sentence)

    def _take(self, record: Mapping[str, Any]) -> list[str]:
        """The sentences that this record is the first to show."""
        if not self._history.add(record):
            return []
        sentences = show(self._signs, self._history)
        new = [sentence for name, sentence in sentences.items() if name not in self._shown]
        self._shown.update(sentences)
        return new

    def at_end(self, step: int) -> list[str]:
        """The sentences that hold at the end of a run of so many steps."""
        history = History(self._order, step)
        for record in _before(self._metrics, step):
            history.add(record)
        return list(show(self._signs, history).values())


def _before(metrics: Path, step: int) -> Iterable[dict[str, Any]]:
    return (record for record in read_metrics(metrics) if record["step"] <= step)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
