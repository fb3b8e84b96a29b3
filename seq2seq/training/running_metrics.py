"""Sums between two reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from seq2seq.training.step import StepReport

_MAX_EXPONENT = 700.0  # just inside what exp can do with a float64


@dataclass
class RunningMetrics:
    """What the steps since the last report add up to; a part of every checkpoint, so that reports survive a
    stop.

    Speed is counted apart: over the steps of this process alone, and without its first, which traces the
    graph.
    """

    steps: int = 0  # updates made
    skipped: int = 0  # updates left out, because float16 gave no finite gradient
    loss: float = 0.0  # summed over target tokens, as are cross_entropy and target_tokens
    cross_entropy: float = 0.0
    target_tokens: float = 0.0
    gradient_norm: float = 0.0  # summed over steps
    timed_seconds: float = 0.0
    timed_tokens: int = 0  # real ones, of source and target
    timed_sentences: int = 0

    def add(self, report: StepReport) -> None:
        if not report.finite:
            self.skipped += 1
            return
        self.steps += 1
        self.loss += report.loss * report.tokens
        self.cross_entropy += report.cross_entropy * report.tokens
        self.target_tokens += report.tokens
        self.gradient_norm += report.gradient_norm

    def add_time(self, seconds: float, tokens: int, sentences: int) -> None:
        self.timed_seconds += seconds
        self.timed_tokens += tokens
        self.timed_sentences += sentences

    @property
    def mean_loss(self) -> float | None:
        """Per target token; None before the first update."""
        return self.loss / self.target_tokens if self.steps else None

    @property
    def tokens_per_second(self) -> float | None:
        """None before the first step that was timed."""
        return self.timed_tokens / self.timed_seconds if self.timed_seconds else None

    def record(self) -> dict[str, float | None]:
        """The figures of a report that come from sums; None for a mean over nothing, as where every update was
        skipped."""
        cross_entropy = self.cross_entropy / self.target_tokens if self.steps else None
        record = {
            "loss": self.mean_loss,
            "cross_entropy": cross_entropy,
            "perplexity": None if cross_entropy is None else math.exp(min(cross_entropy, _MAX_EXPONENT)),
            "gradient_norm": self.gradient_norm / self.steps if self.steps else None,
            "tokens_per_second": round(self.tokens_per_second or 0.0, 1),
            "sentences_per_second": round(self.timed_sentences / self.timed_seconds, 2)
            if self.timed_seconds
            else 0.0,
        }
        return {**record, "skipped_updates": self.skipped} if self.skipped else record

    def state(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> RunningMetrics:
        return cls(**{**state, "timed_seconds": 0.0, "timed_tokens": 0, "timed_sentences": 0})
