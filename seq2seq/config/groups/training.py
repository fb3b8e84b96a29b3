"""`training`: how long, and what is kept and reported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from seq2seq.config.fields import Group, group, not_negative, option, positive, rate
from seq2seq.config.ranges import shown


@dataclass
class EarlyStoppingConfig(Group):
    """Ending a run that no longer gets better."""

    patience: int = not_negative(0, "validations without a better metric before training ends; 0 is off")
    min_delta: float = not_negative(0.0, "a gain in the metric that is no larger is none")


@dataclass
class TrainingConfig(Group):
    """How long, and what is kept and reported."""

    epochs: Optional[int] = positive(10, "passes over the training data; null: as many as max_steps takes")
    max_steps: Optional[int] = positive(None, "updates; where epochs are given, too, what is reached first")
    max_minutes: Optional[float] = positive(
        None,
        "ends training after so long, validations included; a length that the data decides is made to fit",
    )
    validate_every: int = not_negative(0, "steps; 0: after each epoch")
    report_every: int = positive(100, "steps between reports")
    checkpoint_every: int = not_negative(0, "steps between checkpoints to go on from; 0: at each validation")
    keep_checkpoints: int = positive(5, "how many of those are kept")
    accumulate: int = positive(
        1, "parts that a batch is worked through in, to the same update in less memory"
    )
    profile: Optional[str] = option(None, "START:STOP, steps of which TensorBoard shows a trace")
    average_last: int = not_negative(
        0, "average the weights of so many kept checkpoints at the end; 0 is off"
    )
    ema_decay: float = rate(0.0, "validate and keep a moving average of the weights; 0 is off")
    early_stopping: EarlyStoppingConfig = group(EarlyStoppingConfig)
    progress: bool = option(True, "a progress bar, where the output is a terminal")
    plots: bool = option(True, "learning curves and attention as PNG")
    tensorboard: bool = option(True, "write what TensorBoard reads")

    def problems(self, config: Any) -> Iterator[str]:
        if self.epochs is None and self.max_steps is None and "training.max_steps" not in config.auto:
            yield "training.max_steps=null: needs training.epochs, or training would have no end"
        if self.max_minutes is not None and config.hardware.strategy == "multi_worker":
            yield (
                f"training.max_minutes={self.max_minutes:g}: the clocks of workers differ; give training.max_steps"
            )
        if self.average_last > self.keep_checkpoints:
            yield (
                f"training.average_last={self.average_last}: only"
                f" training.keep_checkpoints={self.keep_checkpoints} are kept"
            )
        if self.profile is not None:
            steps = re.fullmatch(r"([0-9]{1,18}):([0-9]{1,18})", self.profile)
            if not steps or not 1 <= int(steps[1]) <= int(steps[2]):
                yield (
                    f"training.profile={shown(self.profile)}: must be START:STOP, the first and the last of some steps,"
                    " which are counted from 1, as 100:120"
                )
