"""Those who watch a training run."""

from __future__ import annotations

from collections.abc import Mapping


class Observer:
    """Is told what happens in a training run; each method may be left as it is.

    A record holds `step`, `epoch` (from 1) and `time` (seconds of training), and beside them for a report
    `loss`, `cross_entropy`, `perplexity`, `tokens_per_second` (real tokens, source and target),
    `sentences_per_second`, `learning_rate`, `gradient_norm` and `memory` (MiB, resident), for a validation
    `learning_rate` and the task's metrics with `val_` before their names.
    """

    def start(self, *, step: int, total_steps: int | None) -> None:
        """The run begins, or goes on, after `step` updates; `total_steps` is where it will end at the
        latest."""

    def advance(self, *, step: int, epoch: int, loss: float, tokens_per_second: float) -> None:
        """One more update was made; the figures are those since the last report."""

    def report(self, record: Mapping[str, float]) -> None:
        """`report_every` updates were made since the last report."""

    def validation(self, record: Mapping[str, float]) -> None:
        """A validation was made."""

    def sync(self) -> None:
        """A checkpoint is about to be written: what was told so far must be on disk first."""

    def close(self) -> None:
        """The run ends or is broken off."""
