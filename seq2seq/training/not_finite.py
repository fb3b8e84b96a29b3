"""What is said of an update that cannot be made."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from seq2seq.errors import UserError
from seq2seq.training.checkpoints.store import CheckpointStore
from seq2seq.training.state import Position
from seq2seq.training.step import StepReport

logger = logging.getLogger(__name__)

_IDS_SHOWN = 20


def not_finite(report: StepReport, parts: Sequence[Any], at: Position, store: CheckpointStore) -> UserError:
    """The error that ends training at a loss or gradient that is not finite; the log names all examples.

    Args:
        report: of the step.
        parts: of its batch.
        at: the position before the step.
        store: of the checkpoints so far.
    """
    ids = [int(number) for part in parts for number in np.asarray(part.example_ids) if number >= 0]
    logger.error("The examples of the batch that broke the run, counted from 0: %s", ids)
    shown = ", ".join(map(str, ids[:_IDS_SHOWN]))
    if len(ids) > _IDS_SHOWN:
        shown += f" and {len(ids) - _IDS_SHOWN} more"
    where = f"step {at.step + 1} (epoch {at.epoch + 1}, batch {at.batch + 1})"
    kept = store.all()
    last_good = f"the last good checkpoint is {kept[-1].path}" if kept else "no checkpoint was due yet"
    return UserError(
        f"At {where} the loss is {report.loss:g} and the norm of its gradient {report.gradient_norm:g}: that"
        " update was not made, and training ends."
        f" Look at the examples of that batch (counted from 0: {shown}), or try a lower"
        " optimizer.learning_rate, a lower optimizer.clip_norm or more optimizer.schedule.warmup_steps;"
        f" {last_good}."
    )
