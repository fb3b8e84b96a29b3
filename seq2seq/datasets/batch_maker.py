"""Makes the batches that a plan names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seq2seq.datasets.batch import Batch, Ragged, make_batch
from seq2seq.datasets.pair_index import IndexedSide, PairIndex
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
    ) -> None:
        self.index = index
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.sampling = sampling
        if sampling is not None:  # found out now, and not in the middle of training
            for tokenizer in (source_tokenizer, target_tokenizer):
                tokenizer.sample(["a"], **sampling._asdict(), seed=0)

    def __call__(self, rows: np.ndarray, seed: Sequence[int] = (0,)) -> Batch:
        """The batch of these rows, a pure function of the arguments.

        Args:
            rows: [B] integers, B at least 1.
            seed: integers from 0 that decide the sampling together (seed, epoch, number of the batch).
        """
        rows = np.asarray(rows, np.int64)
        source_seed, target_seed = np.random.SeedSequence(seed).generate_state(2).tolist()
        return make_batch(
            self.index.line_numbers[rows],
            self._side(self.index.source, self.source_tokenizer, rows, source_seed),
            self._side(self.index.target, self.target_tokenizer, rows, target_seed),
            source_pad_id=self.source_tokenizer.pad_id,
            target_tokenizer=self.target_tokenizer,
        )

    def _side(self, side: IndexedSide, tokenizer: Tokenizer, rows: np.ndarray, seed: int) -> Ragged:
        if self.sampling is None:
            return side.rows(rows)
        return Ragged.of(tokenizer.sample(side.texts(rows), **self.sampling._asdict(), seed=seed))
