"""Batches of pairs, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import numpy as np

from seq2seq.masking import check_lengths
from seq2seq.text.tokenizer import Tokenizer

AnyBatch = TypeVar("AnyBatch", bound=tuple[Any, ...])


class Shape(NamedTuple):
    """The fixed shape of a batch: [rows, source] and [rows, target]."""

    source: int
    target: int  # counts the end
    rows: int


class Batch(NamedTuple):
    """B examples, padded to the longest of them: NumPy arrays, or tensors once TensorFlow hands them on.

    In a batch of a fixed shape S and T are that shape's, and empty rows at the end make up for missing examples (see
    `with_empty_rows`).
    """

    example_ids: np.ndarray
    """[B] int64: line number in the split, from 0; -1 for an empty row."""
    source_ids: np.ndarray
    """[B, S] int32: pad past the length; neither start nor end."""
    source_length: np.ndarray
    """[B] int32, at least 1."""
    target_inputs: np.ndarray
    """[B, T] int32: `<s> y`."""
    target_outputs: np.ndarray
    """[B, T] int32: `y </s>`."""
    target_length: np.ndarray
    """[B] int32: counts the end; 0 for an empty row."""


def with_empty_rows(batch: AnyBatch, empty: AnyBatch, rows: int) -> AnyBatch:
    """The batch with empty rows at its end, so many that it has `rows`; one that has more stays as it is.

    An empty row has the example id -1, a source as short as can be and no target tokens: whatever its batch, it counts
    for nothing, neither in a loss nor in a gradient or a number of tokens.

    Args:
        empty: by field, what an empty row is filled with, a number each.
    """
    missing = (0, max(0, rows - len(batch[0])))
    filled = (
        np.pad(column, [missing, (0, 0)][: column.ndim], constant_values=value)
        for column, value in zip(batch, empty)
    )
    return type(batch)(*filled)


def check_batch(batch: Any, **sequences: Any) -> None:
    """Makes sure of what the fused kernels of a GPU take (`masking=cudnn`): no example without a step, none longer than
    its tensor.

    Padding is on the right by construction, since a batch holds lengths and not masks.

    Args:
        batch: with `example_ids`.
        **sequences: by the name of their lengths in the batch, tensors [B, T, …].

    Raises:
        UserError: names the example and its length.
    """
    example_ids = np.asarray(batch.example_ids)
    real = example_ids >= 0
    for name, sequence in sequences.items():
        lengths = np.asarray(getattr(batch, name))
        check_lengths(lengths[real], sequence.shape[1], example_ids=example_ids[real], name=name)


class Ragged(NamedTuple):
    """Rows of different lengths, one after the other."""

    values: np.ndarray
    """[sum of lengths] integers."""
    lengths: np.ndarray
    """[B] int32."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Ragged:
        lengths = np.fromiter(map(len, rows), np.int32, len(rows))
        values = np.fromiter(chain.from_iterable(rows), np.int32, int(lengths.sum(dtype=np.int64)))
        return cls(values, lengths)


def target_arrays(
    target: Ragged, tokenizer: Tokenizer, steps: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a decoder reads, what it is to write, and the lengths, the end counted.

    Args:
        target: B rows, without start and end.
        tokenizer: asked for its pad, start and end.
        steps: T; without it, what the longest row needs.

    Returns:
        `<s> y` [B, T] int32, `y </s>` [B, T] int32, [B] int32.
    """
    rows = np.arange(len(target.lengths))
    steps = steps or int(target.lengths.max(initial=0)) + 1
    real = np.arange(steps) < target.lengths[:, None]  # [B, T]
    outputs = np.full((len(rows), steps), tokenizer.pad_id, np.int32)
    outputs[real] = target.values
    inputs = np.roll(outputs, 1, axis=1)  # the last column is padding everywhere and makes way for the start
    inputs[:, 0] = tokenizer.start_id
    outputs[rows, target.lengths] = tokenizer.end_id
    return inputs, outputs, target.lengths + np.int32(1)


def make_batch(
    example_ids: np.ndarray,
    source: Ragged,
    target: Ragged,
    *,
    source_pad_id: int,
    target_tokenizer: Tokenizer,
    shape: Shape | None = None,
) -> Batch:
    """Pads, and makes of the target what the decoder reads and what it is to write.

    Args:
        example_ids: [B] int64.
        source: B rows of at least one id each.
        target: B rows, without start and end.
        source_pad_id: what fills up the source.
        target_tokenizer: asked for its pad, start and end.
        shape: what to pad to; without it, the longest of the rows, and a batch of none has one empty row.
    """
    inputs, outputs, target_length = target_arrays(target, target_tokenizer, shape.target if shape else None)
    width = shape.source if shape else int(source.lengths.max(initial=1))
    real = np.arange(width) < source.lengths[:, None]  # [B, S]
    source_ids = np.full(real.shape, source_pad_id, np.int32)
    source_ids[real] = source.values
    batch = Batch(
        example_ids=example_ids,
        source_ids=source_ids,
        source_length=source.lengths,
        target_inputs=inputs,
        target_outputs=outputs,
        target_length=target_length,
    )
    empty = Batch(-1, source_pad_id, 1, target_tokenizer.pad_id, target_tokenizer.pad_id, 0)  # type: ignore[arg-type]
    return with_empty_rows(batch, empty, shape.rows if shape else 1)
