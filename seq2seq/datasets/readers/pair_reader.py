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
