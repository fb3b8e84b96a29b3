"""When a training loop does what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoopOptions:
    """When what happens.

    Attributes:
        max_steps, max_epochs: where training ends; one of them at least.
        max_minutes: of training and validation, after which it ends at the latest.
        report_every: steps between reports.
        validate_every: steps between validations; 0: after each epoch. There is one at the end in any case.
        checkpoint_every: steps between checkpoints besides those after each validation; 0: none besides.
        graph_per_shape: whether the step is traced for each shape of a batch, of which the task then has a few; else
            one graph serves all shapes.
        check_batches: whether the task checks each part of a batch before its step.
        resume_command: what the user types to go on, for messages.
    """

    max_steps: int | None = None
    max_epochs: int | None = None
    max_minutes: float | None = None
    report_every: int = 100
    validate_every: int = 0
    checkpoint_every: int = 0
    graph_per_shape: bool = False
    check_batches: bool = False
    resume_command: str = ""

    def __post_init__(self) -> None:
        if self.max_steps is None and self.max_epochs is None:
            raise ValueError("max_steps or max_epochs is needed")
