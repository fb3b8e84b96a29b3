"""Two text files, line by line translations of each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path

from seq2seq.datasets.readers.lines import file_lines
from seq2seq.errors import UserError


class ParallelText:
    """Reads the lines of the source files, one file after the other, beside those of the target files.

    Args:
        source: at least one file, plain or `.gz`.
        target: the same; the number of files may differ, the number of lines in all may not.
    """

    def __init__(self, source: Sequence[Path], target: Sequence[Path]) -> None:
        if not source or not target:
            missing = "target" if source else "source"
            raise UserError(
                f"Parallel text needs files for both sides, but none are given for the {missing}."
            )
        self.source = tuple(source)
        self.target = tuple(target)

    @property
    def files(self) -> Sequence[Path]:
        return self.source + self.target

    @property
    def settings(self) -> str:
        return repr(("parallel_text", len(self.source)))

    def pairs(self) -> Iterator[tuple[str, str]]:
        sources = chain.from_iterable(map(file_lines, self.source))
        targets = chain.from_iterable(map(file_lines, self.target))
        for number, (source, target) in enumerate(zip_longest(sources, targets)):
            if source is None or target is None:
                longer = number + 1 + sum(1 for _ in chain(sources, targets))
                lines = (number, longer) if source is None else (longer, number)
                raise UserError(
                    f"Source and target must have the same number of lines, but {_names(self.source)} has "
                    f"{lines[0]:,} and {_names(self.target)} has {lines[1]:,}."
                )
            yield source, target

    def where(self, row: int, side: str) -> str:
        """The file and line of a side of a pair; reads up to there."""
        lines = (
            f"{path}, line {number}"
            for path in (self.source if side == "source" else self.target)
            for number, _ in enumerate(file_lines(path), start=1)
        )
        return next(islice(lines, row, None))


def _names(files: Sequence[Path]) -> str:
    return " + ".join(map(str, files))
