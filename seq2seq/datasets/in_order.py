"""Predictions in the order of what they are of, made in batches of similar length."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

from seq2seq.datasets.batch import Batch, Ragged, make_batch
from seq2seq.datasets.batch_plan import BatchPlan, evaluation_plan
from seq2seq.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Predict = Callable[[Batch], Sequence[Result]]


def predict_index(
    maker: Callable[[np.ndarray], Batch], plan: BatchPlan, predict: Predict[Result]
) -> list[Result]:
    """Predicts every row of an index.

    Args:
        maker: makes the batch of rows [B].
        plan: holds every row once, in any order.
        predict: gives B results for a batch of B.

    Returns:
        The results in the order of the rows.
    """
    return _restore(plan, (predict(maker(rows)) for rows in plan))


def predict_lines(
    lines: Iterable[str],
    predict: Predict[Result],
    *,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    max_source_length: int = 0,
    batch_type: str,
    batch_size: int,
    chunk_lines: int = 10_000,
) -> Iterator[Result]:
    """Predicts lines of text of which there may be any number.

    An empty line is predicted as one unknown id. A line of more tokens than the limit is cut there, and that
    is logged.

    Args:
        lines: the text; `example_ids` are its line numbers from 0.
        predict: gives B results for a batch of B, whose targets are empty.
        source_tokenizer: for the lines.
        target_tokenizer: says what an empty target looks like.
        max_source_length: in tokens; 0 means no limit.
        batch_type: as in `batch_plan`, with targets of length 0.
        batch_size: the same.
        chunk_lines: so many are read, sorted by length and predicted before the next are.

    Yields:
        The results in the order of the lines.
    """
    lines = iter(lines)
    first = 0
    while chunk := list(islice(lines, chunk_lines)):
        ids = [row or [source_tokenizer.unknown_id] for row in source_tokenizer.encode(chunk)]
        if max_source_length:
            ids = [_cut(row, max_source_length, first + i) for i, row in enumerate(ids)]
        lengths = np.fromiter(map(len, ids), np.int32, len(ids))
        no_target = np.zeros_like(lengths)
        plan = evaluation_plan(lengths, no_target, batch_type=batch_type, batch_size=batch_size)
        batches = (
            make_batch(
                first + rows.astype(np.int64),
                Ragged.of([ids[row] for row in rows]),
                Ragged(no_target[:0], no_target[: len(rows)]),
                source_pad_id=source_tokenizer.pad_id,
                target_tokenizer=target_tokenizer,
            )
            for rows in plan
        )
        yield from _restore(plan, map(predict, batches))
        first += len(chunk)


def _cut(row: list[int], limit: int, position: int) -> list[int]:
    if len(row) > limit:
        logger.warning("Line %d has %d tokens; only the first %d are read", position + 1, len(row), limit)
    return row[:limit]


def _restore(plan: BatchPlan, results: Iterable[Sequence[Result]]) -> list[Result]:
    by_row: dict[int, Result] = {}
    for rows, batch in zip(plan, results):
        if len(batch) != len(rows):
            raise ValueError(f"a batch of {len(rows)} was predicted as {len(batch)} results")
        by_row.update(zip(rows.tolist(), batch))
    return [by_row[row] for row in range(len(by_row))]
