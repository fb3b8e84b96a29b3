"""Those who watch a training run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Observer:
    """Is told what happens in a training run; each method may be left as it is.

    A record holds `step`, `epoch` (from 1) and `time` (seconds of training), and beside them for a report
    `loss`, `cross_entropy`, `perplexity`, `tokens_per_second` (real tokens, source and target),
    `sentences_per_second`, `learning_rate`, `gradient_norm` and `memory` (MiB, resident), for a validation
    `learning_rate` and the task's metrics with `val_` before their names; those with a slash (`val_signs/same_outputs`)
    are statistics for files and curves, not for a line of text.

    Where float16 left updates out, a report says how many as `skipped_updates`; where it left out all of them, the
    means (`loss`, `cross_entropy`, `perplexity`, `gradient_norm`) are None.
    """

    def start(self, *, step: int, epoch: int, total_steps: int | None) -> None:
        """The run begins, or goes on, after `step` updates, in `epoch` (from 1); `total_steps` is where it will end at
        the latest, were all epochs as long as this one."""

    def before_step(self, step: int) -> None:
        """Update number `step` (from 1) is about to be made."""

    def advance(
        self,
        *,
        step: int,
        epoch: int,
        total_steps: int | None,
        loss: float | None,
        tokens_per_second: float | None,
    ) -> None:
        """One more update was made; the figures are those since the last report, None where there is none yet."""

    def report(self, record: Mapping[str, Any]) -> None:
        """`report_every` updates were made since the last report."""

    def validating(self) -> None:
        """A validation begins."""

    def validation(self, record: Mapping[str, Any]) -> None:
        """A validation was made."""

    def sync(self) -> None:
        """A checkpoint is about to be written: what was told so far must be on disk first."""

    def close(self) -> None:
        """The run ends or is broken off."""


class Callback(Observer):
    """Hands every record to a function, as a dictionary of its own."""

    def __init__(self, function: Callable[[dict[str, Any]], None]) -> None:
        self._function = function

    def report(self, record: Mapping[str, Any]) -> None:
        self._function(dict(record))

    def validation(self, record: Mapping[str, Any]) -> None:
        self._function(dict(record))
