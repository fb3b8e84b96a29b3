"""Tokenised pairs on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq.datasets.batches.pairs import Ragged
from seq2seq.datasets.index.digest import digest_of
from seq2seq.files import file_checksum

DESCRIPTION = "index.json"


class IndexedSide:
    """One side of the pairs: ids, lengths, and the text as it was read (if the index keeps it).

    Args:
        ids: [tokens] uint16 or int32.
        offsets: [N + 1] int64: row i is `ids[offsets[i]:offsets[i + 1]]`.
        lengths: [N] int32.
        text: [bytes] uint8, UTF-8, or None.
        text_offsets: [N + 1] int64, or None.
    """

    def __init__(
        self,
        ids: np.ndarray,
        offsets: np.ndarray,
        lengths: np.ndarray,
        text: np.ndarray | None,
        text_offsets: np.ndarray | None,
    ) -> None:
        self.ids = ids
        self.offsets = offsets
        self.lengths = lengths
        self.text = text
        self.text_offsets = text_offsets

    def rows(self, rows: np.ndarray) -> Ragged:
        """The ids of these rows.

        Args:
            rows: [B] integers.
        """
        lengths = self.lengths[rows]
        ends = np.cumsum(lengths, dtype=np.int64)
        positions = np.arange(lengths.sum(dtype=np.int64)) + np.repeat(
            self.offsets[rows] - ends + lengths, lengths
        )
        return Ragged(self.ids[positions], lengths)

    def texts(self, rows: np.ndarray) -> list[str]:
        """The text of these rows.

        Args:
            rows: [B] integers.
        """
        if self.text is None or self.text_offsets is None:
            raise ValueError("this index was built without text")
        bounds = zip(self.text_offsets[rows].tolist(), self.text_offsets[rows + 1].tolist())
        return [self.text[start:end].tobytes().decode("utf-8") for start, end in bounds]


class PairIndex:
    """Pairs in memory-mapped files: read once from end to end when they are opened, for their checksums; from then on
    only what is asked for is read, and the system may forget it again.

    Attributes:
        source, target: the two sides.
        line_numbers: [N] int64: where each pair stood in what was read, from 0.
        counts: `pairs` in the index, `lines` read, `empty`, `long_source` and `long_target` among them (see
            `build_index`).
        digest: of all that is in it.
        unit: what the pairs are called, in the plural.
    """

    unit: str = "pairs"

    def __init__(self, directory: Path) -> None:
        """Opens an index.

        Raises:
            ValueError, OSError: there is none, or it is not what was written.
        """
        description = json.loads((directory / DESCRIPTION).read_bytes())
        try:
            columns = {
                name: _map(directory / f"{name}.bin", **column)
                for name, column in description["columns"].items()
            }
            self.counts: dict[str, int] = description["counts"]
            self.digest = digest_of(json.dumps(description["columns"], sort_keys=True))
            self.line_numbers = columns["line_numbers"]
            self.source, self.target = (_side(columns, side) for side in ("source", "target"))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{directory / DESCRIPTION} does not describe an index") from error

    def __len__(self) -> int:
        return len(self.line_numbers)

    @property
    def sizes(self) -> np.ndarray:
        """[N] tokens of source and target together."""
        return self.source.lengths + self.target.lengths


def _side(columns: dict[str, Any], side: str) -> IndexedSide:
    return IndexedSide(
        columns[f"{side}_ids"],
        columns[f"{side}_offsets"],
        columns[f"{side}_lengths"],
        columns.get(f"{side}_text"),
        columns.get(f"{side}_text_offsets"),
    )


def _map(path: Path, *, dtype: str, size: int, checksum: int) -> Any:
    if path.stat().st_size != size * np.dtype(dtype).itemsize or file_checksum(path) != checksum:
        raise ValueError(f"{path} is not what was written")
    if size == 0:
        return np.zeros(0, dtype)  # nothing cannot be mapped
    return np.asarray(np.memmap(path, dtype, mode="r"))  # a plain view: slicing a memmap itself is slow
