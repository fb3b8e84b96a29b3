"""Makes the batches that a plan names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seq2seq.datasets.batches.pairs import Batch, Ragged, Shape, make_batch
from seq2seq.datasets.batches.static_shapes import StaticShapes
from seq2seq.datasets.index.pair_index import IndexedSide, PairIndex
from seq2seq.text.tokenizer import Tokenizer


class SubwordSampling(NamedTuple):
    """What `Tokenizer.sample` takes."""

    alpha: float
    nbest: int = -1


class BatchMaker:
    """Looks rows up in an index and pads them; with subword sampling it tokenises their text anew.

    Args:
        index: the pairs; with their text, for sampling.
        source_tokenizer: made the index.
        target_tokenizer: made the index.
        sampling: applies to both sides; sampled rows may be longer than what the plan counted.
        shapes: what batches are padded to, as planned for this index; a row that sampling makes longer than that is
            taken as it is in the index. Without it, batches are as long as the longest of their rows.
        max_source_length: the same of the source, where the index has cut it there; 0: it has not.

    Raises:
        UserError: a tokenizer cannot sample, or not with these values.
    """

    def __init__(
        self,
        index: PairIndex,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        *,
        sampling: SubwordSampling | None = None,
        shapes: StaticShapes | None = None,
        max_source_length: int = 0,
    ) -> None:
        self.index = index
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.sampling = sampling
        self.shapes = shapes
        self.max_source_length = max_source_length
        if sampling is not None:  # found out now, and not in the middle of training
            first = np.arange(min(1, len(index)))
            for side, tokenizer in ((index.source, source_tokenizer), (index.target, target_tokenizer)):
                tokenizer.sample(side.texts(first), **sampling._asdict(), seed=0)

    def __call__(self, rows: np.ndarray, seed: Sequence[int] = (0,), *, shape: Shape | None = None) -> Batch:
        """The batch of these rows, a pure function of the arguments.

        Args:
            rows: [B] integers; where there are shapes, of one shape. Of no rows becomes one empty row, or a shape full.
            seed: integers from 0 that decide the sampling together (seed, epoch, number of the batch).
            shape: what to pad to; without it, the shape of the rows, where there are shapes and rows.
        """
        rows = np.asarray(rows, np.int64)
        source_seed, target_seed = np.random.SeedSequence(seed).generate_state(2).tolist()
        if shape is None and self.shapes is not None:
            shape = self.shapes.of(rows)
        most_source, most_target = (
            (shape.source, shape.target - 1) if shape else (self.max_source_length or None, None)
        )
        return make_batch(
            self.index.line_numbers[rows],
            self._side(self.index.source, self.source_tokenizer, rows, source_seed, most_source),
            self._side(self.index.target, self.target_tokenizer, rows, target_seed, most_target),
            source_pad_id=self.source_tokenizer.pad_id,
            target_tokenizer=self.target_tokenizer,
            shape=shape,
        )

    def _side(
        self, side: IndexedSide, tokenizer: Tokenizer, rows: np.ndarray, seed: int, most: int | None
    ) -> Ragged:
        if self.sampling is None:
            return side.rows(rows)
        sampled = tokenizer.sample(side.texts(rows), **self.sampling._asdict(), seed=seed)
        if most is not None:
            sampled = [
                ids if len(ids) <= most else side.rows(rows[n : n + 1]).values.tolist()
                for n, ids in enumerate(sampled)
            ]
        return Ragged.of(sampled)
