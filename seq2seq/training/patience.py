"""Waiting for a better validation, and how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seq2seq.metrics.metric import MetricOrder, Validation, Verdict


class Patience:
    """Counts validations in a row that were not better than the best one.

    `exhausted` is True once `patience` of them have passed; with None it never is. Once the first metric cannot be
    better (BLEU of 100), every validation counts: the loss may fall for ever, and still picks the best.

    Args:
        patience: so many validations.
        order: what is better, see `MetricOrder`.
        min_delta: a gain in the first metric of the order that is no larger is none.

    Attributes:
        best: what is to be beaten; None before the first validation.
        verdict: why the best one is: of the comparisons that it has won since, the one that was hardest to decide.
        validations: how many there were.
    """

    def __init__(self, *, patience: int | None, order: MetricOrder, min_delta: float = 0.0) -> None:
        self.patience = patience
        self.min_delta = min_delta
        self.order = order
        self.best: Validation | None = None
        self.verdict = Verdict(False)
        self.validations = 0
        self.waited = 0

    def compare(self, validation: Validation) -> Verdict:
        """Whether it is better than the best so far."""
        return self.order.compare(validation, self.best, self.min_delta)

    def update(self, validation: Validation) -> bool:
        """Takes a validation; True where it is the best so far."""
        verdict = self.compare(validation)
        waits = not verdict.better or (self.best is not None and self.order.at_ceiling(self.best))
        if verdict.better:
            self.best = self.order.standard(validation, self.best, verdict)
        if verdict.better or len(verdict.noise) > len(self.verdict.noise):
            self.verdict = verdict
        self.validations += 1
        self.waited = self.waited + 1 if waits else 0
        return verdict.better

    @property
    def exhausted(self) -> bool:
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "best": self.best and dict(self.best.figures),
            "samples": self.best and {name: list(values) for name, values in self.best.samples.items()},
            "verdict": [self.verdict.better, self.verdict.metric, dict(self.verdict.noise)],
            "validations": self.validations,
            "waited": self.waited,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes what `state` gave, here or in an earlier version, which knew less."""
        best = state["best"]
        if isinstance(best, (int, float)):  # the value of the first metric: of before ties were broken
            best = {self.order.first.name: float(best)}
        self.best = None if best is None else Validation(best, state.get("samples") or {})
        self.verdict = Verdict(*state.get("verdict", [False]))
        self.validations = int(state.get("validations", 0))
        self.waited = int(state["waited"])
