"""Noise on sources, from which a denoising autoencoder writes the line as it was (Vincent et al. 2008)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.pairs import Ragged
from seq2seq.datasets.index.pair_index import IndexedSide
from seq2seq.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Noise:
    """What is done to the tokens of a source, in this order.

    Attributes:
        shuffle: so many places at most is a token moved (Lample et al. 2018, arXiv:1711.00043, section 2.3).
        drop: share of tokens that are left out; one is left of each line.
        mask: share of those left that become unknown.
    """

    shuffle: int = 0
    drop: float = 0.0
    mask: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.shuffle or self.drop or self.mask)

    def __call__(self, source: Ragged, unknown_id: int, seed: int) -> Ragged:
        """Rows of at least one token each, no longer than they were; a pure function of the arguments."""
        generator = np.random.default_rng(seed)
        rows = np.repeat(np.arange(len(source.lengths)), source.lengths)
        starts = np.cumsum(source.lengths) - source.lengths
        place = np.arange(len(rows)) - starts[rows]
        # Each is drawn whether it is needed or not: what one does never depends on the others.
        moved, kept, masked, last = (generator.random(len(rows)) for _ in range(4))
        order = np.lexsort((place + moved * (self.shuffle + 1 if self.shuffle else 0), rows))
        values = source.values[order]
        keep = kept >= self.drop
        if self.drop:
            left = np.bincount(rows[keep], minlength=len(source.lengths))
            saved = (last[starts] * source.lengths).astype(np.int64) + starts
            keep[saved[left == 0]] = True
        values = np.where(masked < self.mask, np.asarray(unknown_id, values.dtype), values)
        lengths = np.bincount(rows[keep], minlength=len(source.lengths)).astype(np.int32)
        return Ragged(values[keep], lengths)


class NoisyBatchMaker(BatchMaker):
    """A `BatchMaker` whose sources are noisy and whose targets are not.

    Args:
        noise: of the sources.
        Others as for `BatchMaker`.
    """

    def __init__(self, *args: object, noise: Noise, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self._noise = noise

    def _side(
        self, side: IndexedSide, tokenizer: Tokenizer, rows: np.ndarray, seed: int, most: int | None
    ) -> Ragged:
        ragged = super()._side(side, tokenizer, rows, seed, most)
        return self._noise(ragged, tokenizer.unknown_id, seed) if side is self.index.source else ragged
