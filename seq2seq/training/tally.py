"""Sums between two reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seq2seq.training.step import StepReport

_MAX_EXPONENT = 700.0  # just inside what exp can do with a float64


@dataclass
class Tally:
    """What the steps since the last report add up to; a part of every checkpoint, so that reports survive a
    stop.

    Speed is counted apart: over the steps of this process alone, and without its first, which traces the
    graph.
    """

    steps: int = 0
    loss: float = 0.0  # summed over target tokens, as are cross_entropy and target_tokens
    cross_entropy: float = 0.0
    target_tokens: float = 0.0
    gradient_norm: float = 0.0  # summed over steps
    timed_seconds: float = 0.0
    timed_tokens: int = 0  # real ones, of source and target
    timed_sentences: int = 0

    def add(self, report: StepReport) -> None:
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
    def mean_loss(self) -> float:
        return self.loss / max(self.target_tokens, 1.0)

    @property
    def tokens_per_second(self) -> float:
        return self.timed_tokens / self.timed_seconds if self.timed_seconds else 0.0

    def record(self) -> dict[str, float]:
        """The figures of a report that come from sums."""
        cross_entropy = self.cross_entropy / self.target_tokens
        return {
            "loss": self.mean_loss,
            "cross_entropy": cross_entropy,
            "perplexity": math.exp(min(cross_entropy, _MAX_EXPONENT)),
            "gradient_norm": self.gradient_norm / self.steps,
            "tokens_per_second": round(self.tokens_per_second, 1),
            "sentences_per_second": round(self.timed_sentences / self.timed_seconds, 2)
            if self.timed_seconds
            else 0.0,
        }

    def state(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Tally:
        return cls(**{**state, "timed_seconds": 0.0, "timed_tokens": 0, "timed_sentences": 0})


def resident_memory() -> float:
    """MiB of this process in memory now; 0 where the system does not say."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass
    return 0.0
