"""Predictions in the order of what they are of, made in batches of similar length."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from seq2seq.datasets.arriving import chunks
from seq2seq.datasets.batches.pairs import Batch, Ragged, make_batch
from seq2seq.datasets.batches.plan import evaluation_plan
from seq2seq.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")
Predict = Callable[[Batch], Sequence[Result]]


def predict_index(
    maker: Callable[[np.ndarray], Batch],
    plan: Iterable[np.ndarray],
    predict: Predict[Result],
    *,
    count: int,
    empty: Callable[[int], Result],
) -> list[Result]:
    """Predicts rows of an index.

    Args:
        maker: makes the batch of rows [B].
        plan: batches of rows, in any order, each row at most once.
        predict: gives B results for a batch of B.
        count: of the rows.
        empty: gives the result of a row that is not in the plan.

    Returns:
        The results in the order of the rows.
    """
    return _in_order(plan, (predict(maker(rows)) for rows in plan), count, empty)


def predict_lines(
    lines: Iterable[str],
    predict: Predict[Result],
    *,
    empty: Callable[[str], Result],
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    max_source_length: int = 0,
    batch_type: str,
    batch_size: int,
    chunk_lines: int = 10_000,
    chunk_characters: int = 4_000_000,
) -> Iterator[Result]:
    """Predicts lines of text of which there may be any number.

    A line of more tokens than the limit is cut there, and that is logged.

    Args:
        lines: the text; `example_ids` are its line numbers from 0. Those that can be asked whether more are there
            (`Arriving`) are predicted as they arrive.
        predict: gives B results for a batch of B, whose targets are empty.
        empty: gives the result of a line without any token, which no model is asked about.
        source_tokenizer: for the lines.
        target_tokenizer: says what an empty target looks like.
        max_source_length: in tokens; 0 means no limit.
        batch_type: as in `batch_plan`, with targets of length 0.
        batch_size: the same.
        chunk_lines: so many are read, sorted by length and predicted before the next are.
        chunk_characters: fewer are where the line comes that fills these.

    Yields:
        The results in the order of the lines.
    """
    first = 0
    for chunk in chunks(lines, max_items=chunk_lines, size=len, max_size=chunk_characters):
        ids = source_tokenizer.encode(chunk)
        if max_source_length:
            ids = [_cut(row, max_source_length, first + i) for i, row in enumerate(ids)]
        lengths = np.fromiter(map(len, ids), np.int32, len(ids))
        filled = np.flatnonzero(lengths)
        no_target = np.zeros(len(filled), np.int32)
        lines_plan = evaluation_plan(lengths[filled], no_target, batch_type=batch_type, batch_size=batch_size)
        plan = [filled[rows] for rows in lines_plan]
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
        yield from _in_order(plan, map(predict, batches), len(chunk), lambda row: empty(chunk[row]))  # noqa: B023
        first += len(chunk)


def predict_large(
    items: Iterable[Item],
    predict: Callable[[Sequence[Item]], Sequence[Result]],
    *,
    empty: Callable[[Item], Result],
    size: Callable[[Item], int],
    batch_size: int,
    batch_volume: int,
    chunk_items: int = 1_000,
    chunk_volume: int,
) -> Iterator[Result]:
    """Predicts what takes much memory, such as audio, of which there may be any number.

    Args:
        items: read a chunk at a time, of what has arrived (see `chunks`); it is sorted by size and predicted before the
            next is read.
        predict: gives B results for a batch of B, the largest first.
        empty: gives the result of an item of size 0, which no model is asked about.
        size: of an item.
        batch_size: items in a batch.
        batch_volume: of a batch whose items are padded to the largest; one larger item is a batch of its own.
        chunk_items: items in a chunk.
        chunk_volume: a chunk ends with the item that fills it.

    Yields:
        The results in the order of the items.
    """
    for chunk in chunks(items, max_items=chunk_items, size=size, max_size=chunk_volume):
        sizes = np.fromiter(map(size, chunk), np.int64, len(chunk))
        filled = np.flatnonzero(sizes)
        plan = [filled[rows] for rows in _volume_plan(sizes[filled], batch_size, batch_volume)]
        batches = (predict([chunk[row] for row in rows]) for rows in plan)
        yield from _in_order(plan, batches, len(chunk), lambda row: empty(chunk[row]))  # noqa: B023


def _volume_plan(sizes: np.ndarray, batch_size: int, volume: int) -> list[np.ndarray]:
    """Rows of each batch, the largest first, so that the first of a batch says what the others are padded to."""
    order = np.argsort(-sizes, kind="stable")
    plan: list[np.ndarray] = []
    while len(order):
        count = max(1, min(batch_size, volume // int(sizes[order[0]])))
        plan.append(order[:count])
        order = order[count:]
    return plan


def _cut(row: list[int], limit: int, position: int) -> list[int]:
    if len(row) > limit:
        logger.warning("Line %d has %d tokens; only the first %d are read", position + 1, len(row), limit)
    return row[:limit]


def _in_order(
    plan: Iterable[np.ndarray],
    results: Iterable[Sequence[Result]],
    count: int,
    empty: Callable[[int], Result],
) -> list[Result]:
    by_row: dict[int, Result] = {}
    for rows, batch in zip(plan, results):
        if len(batch) != len(rows):
            raise ValueError(f"a batch of {len(rows)} was predicted as {len(batch)} results")
        by_row.update(zip(rows.tolist(), batch))
    return [by_row[row] if row in by_row else empty(row) for row in range(count)]
