"""The batches of training, planned by the lengths of its examples."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from seq2seq.config.groups.masking import MaskingConfig, MaskingPolicy
from seq2seq.config.root import TrainConfig
from seq2seq.datasets.batches.plan import BatchPlan, batch_plan
from seq2seq.datasets.batches.static_shapes import StaticShapes, static_shapes

logger = logging.getLogger(__name__)


class Batching(NamedTuple):
    """Which rows the batches of each epoch have, and what they are padded to, if that is fixed."""

    plan: Callable[[int], BatchPlan]
    shapes: StaticShapes | None


def shape_count(config: MaskingConfig) -> int:
    """How many shapes the batches have at most; 0: any."""
    return config.shapes if config.policy is MaskingPolicy.static else 0


def plan_batches(config: TrainConfig, source_lengths: np.ndarray, target_lengths: np.ndarray) -> Batching:
    """
    Args:
      config: of the run.
      source_lengths, target_lengths: ``[N]`` of the training examples; targets without the end.
    """
    batch = config.data.batch
    size: dict[str, Any] = dict(batch_type=str(batch.type), batch_size=batch.size)
    if count := shape_count(config.masking):
        shapes = static_shapes(source_lengths, target_lengths, count=count, **size)
        _report(shapes, source_lengths, target_lengths)
        return Batching(lambda epoch: shapes.plan(seed=config.seed, epoch=epoch), shapes)

    def plan(epoch: int) -> BatchPlan:
        return batch_plan(
            source_lengths,
            target_lengths,
            **size,
            seed=config.seed,
            epoch=epoch,
            window_batches=batch.window,
        )

    return Batching(plan, None)


def _report(shapes: StaticShapes, source_lengths: np.ndarray, target_lengths: np.ndarray) -> None:
    tokens = int(source_lengths.sum() + target_lengths.sum()) + len(target_lengths)
    logger.info(
        "%d shapes of batches, rows x (source + target): %s; %.0f %% of their positions hold tokens.",
        len(shapes.shapes),
        ", ".join(f"{shape.rows} x ({shape.source} + {shape.target})" for shape in shapes.shapes),
        100.0 * tokens / shapes.positions(),
    )
