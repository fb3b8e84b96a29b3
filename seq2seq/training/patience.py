"""Waiting for a better validation, and how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seq2seq.metrics.metric import MetricOrder


class Patience:
    """Counts validations in a row that were not better than the best one.

    `exhausted` is True once `patience` of them have passed; with None it never is.

    Args:
        patience: so many validations.
        order: what is better, see `MetricOrder`.
        min_delta: a gain in the first metric of the order that is no larger is none.
    """

    def __init__(self, *, patience: int | None, order: MetricOrder, min_delta: float = 0.0) -> None:
        self.patience = patience
        self.min_delta = min_delta
        self.order = order
        self.best: dict[str, float] | None = None
        self.waited = 0

    def update(self, figures: Mapping[str, float]) -> bool:
        """Takes the figures of a validation by name; True where it is the best so far."""
        if self.order.is_better(figures, self.best, self.min_delta):
            self.best = self.order.of_interest(figures)
            self.waited = 0
            return True
        self.waited += 1
        return False

    @property
    def exhausted(self) -> bool:
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def restore(self, state: Mapping[str, Any]) -> None:
        best = state["best"]
        if isinstance(best, (int, float)):  # the value of the first metric: of before ties were broken
            best = {self.order.first.name: float(best)}
        self.best = best
        self.waited = int(state["waited"])
