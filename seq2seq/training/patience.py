"""Waiting for a better validation, and how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Patience:
    """Counts validations in a row that were not better than the best one by more than `min_delta`.

    NaN is never better. `exhausted` is True once `patience` of them have passed; with None it never is.
    """

    def __init__(self, *, patience: int | None, higher_is_better: bool, min_delta: float = 0.0) -> None:
        self.patience = patience
        self.min_delta = min_delta
        self.higher_is_better = higher_is_better
        self.best: float | None = None
        self.waited = 0

    def update(self, value: float) -> bool:
        """Takes the value of a validation; True where it is the best so far."""
        if self._is_better(value):
            self.best = value
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
        self.best = state["best"]
        self.waited = int(state["waited"])

    def _is_better(self, value: float) -> bool:
        if value != value:
            return False
        if self.best is None:
            return True
        gain = value - self.best if self.higher_is_better else self.best - value
        return gain > self.min_delta
