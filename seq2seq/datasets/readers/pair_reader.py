"""What the readers of all formats offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class PairReader(Protocol):
    """Reads pairs of source and target text, as often as asked, without holding more than a line."""

    @property
    def files(self) -> Sequence[Path]:
        """Everything that is read, in order."""

    @property
    def settings(self) -> str:
        """Whatever beside the files' content decides what is read from them."""

    def pairs(self) -> Iterator[tuple[str, str]]:
        """The pairs in the order of the files, empty lines included.

        Raises:
            UserError: what cannot be read, with file and line.
        """


def place_of_pair(reader: PairReader, row: int, side: str = "source") -> str:
    """Where a pair stands: the file and line of a side, which a reader's method `where` tells; else the pair's number.

    Args:
        reader: of the pairs.
        row: of the pair, from 0.
        side: `source` or `target`.
    """
    where = getattr(reader, "where", None)
    return f"pair {row + 1:,}" if where is None else str(where(row, side))
