"""Lines of text to predict from, as they arrive."""

from __future__ import annotations

import io
import logging
import os
import select
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from seq2seq.datasets.arriving import Arriving
from seq2seq.datasets.readers.lines import MAX_LINE_BYTES, file_exists, open_bytes, stream_lines
from seq2seq.errors import UserError

logger = logging.getLogger(__name__)

STANDARD_INPUT = "-"
BLOCK_BYTES = 1 << 16


class ByteLines:
    """The lines of a stream, ends included, and whether another is there.

    A file's are always there; those of a pipe or a terminal are once they were sent.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._pipe = _pipe(stream)
        self._lines: deque[bytes] = deque()
        self._parts: list[bytes] = []  # of a line whose end was not read yet
        self._bytes = 0  # in these parts
        self.ended = False

    def __iter__(self) -> Iterator[bytes]:
        while self._has_line():
            yield self._lines.popleft()

    def ready(self) -> bool:
        """Whether another line comes without waiting; at the end not, and it is known that the stream `ended`."""
        return self._has_line(wait=False)

    def _has_line(self, wait: bool = True) -> bool:
        while not self._lines and not self.ended and (wait or self._has_bytes()):
            block = self._stream.read1(BLOCK_BYTES)  # type: ignore[attr-defined]
            first, *others = block.split(b"\n")
            self._parts.append(first)
            self._bytes += len(first)
            for part in others:
                self._lines.append(b"".join(self._parts) + b"\n")
                self._parts, self._bytes = [part], len(part)
            if self._bytes > MAX_LINE_BYTES:  # which is refused as it is
                self._lines.append(b"".join(self._parts))
                self._parts, self._bytes = [], 0
            if not block:
                self.ended = True
                if last := b"".join(self._parts):
                    self._lines.append(last)
        return bool(self._lines)

    def _has_bytes(self) -> bool:
        if self._pipe is None:
            return True
        try:
            return bool(select.select([self._pipe], [], [], 0)[0])
        except (OSError, ValueError):  # no such question on this system: a line at a time is always right
            return False


def _pipe(stream: BinaryIO) -> int | None:
    """The descriptor of a stream that may have to be waited for."""
    try:
        descriptor = stream.fileno()
        return None if S_ISREG(os.fstat(descriptor).st_mode) else descriptor
    except (OSError, AttributeError, io.UnsupportedOperation):
        return None


def input_lines(names: Sequence[str], standard_input: BinaryIO | None) -> Arriving[str]:
    """The lines of files, `.gz` too, and of standard input, which is called `-`, one after the other.

    Args:
        names: of the files; of one that is a pipe, too, lines are there once they were sent.
        standard_input: bytes; None: it is closed.

    Raises:
        UserError: with file and line, where text cannot be read, is not UTF-8, or is none at all.
    """
    inputs = _Inputs(
        names, standard_input, lambda name: name == STANDARD_INPUT or not file_exists(Path(name))
    )
    return Arriving(inputs.read(inputs.lines), inputs.ready)


def input_names(names: Sequence[str], standard_input: BinaryIO | None) -> Arriving[str]:
    """The names of files themselves, and in place of `-` those that are the lines of standard input.

    A name need not be UTF-8: bytes that are not are kept as Python keeps them (surrogates).
    """
    inputs = _Inputs(names, standard_input, lambda name: name == STANDARD_INPUT)

    def read(name: str) -> Iterable[str]:
        return inputs.lines(name, errors="surrogateescape") if name == STANDARD_INPUT else [name]

    return Arriving(inputs.read(read), inputs.ready)


class _Inputs:
    def __init__(
        self, names: Sequence[str], standard_input: BinaryIO | None, waits: Callable[[str], bool]
    ) -> None:
        self._names = deque(names)
        self._standard_input = standard_input
        self._waits = waits
        self._current: ByteLines | None = None

    def read(self, items: Callable[[str], Iterable[str]]) -> Iterator[str]:
        while self._names:
            yield from items(self._names.popleft())

    def ready(self) -> bool:
        if self._current is not None:
            if self._current.ready():
                return True
            if not self._current.ended:
                return False
        return not self._names or not self._waits(self._names[0])

    def lines(self, name: str, errors: str = "strict") -> Iterator[str]:
        if name != STANDARD_INPUT:
            with open_bytes(Path(name)) as stream:
                yield from self._lines(stream, name, f"{name} is empty.", errors)
        elif self._standard_input is None:
            raise UserError("standard input is closed; give lines of text, or a file's name")
        else:
            nothing = "standard input is empty; give lines of text, or a file's name"
            yield from self._lines(self._standard_input, "standard input", nothing, errors)

    def _lines(self, stream: BinaryIO, name: str, nothing: str, errors: str) -> Iterator[str]:
        self._current = ByteLines(stream)
        empty = True
        lines = _without_nul(self._current, name) if errors == "strict" else self._current
        for line in stream_lines(lines, name, errors):
            empty = False
            yield line
        self._current = None
        if empty:
            raise UserError(nothing)


def _without_nul(lines: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Lines of text in which a NUL has strayed, as spaces: data with one is refused, but here all lines want an answer.

    Where it has not strayed, the text is of another encoding, or none.
    """
    for number, line in enumerate(lines, start=1):
        strayed = 0 < 4 * line.count(b"\0") < len(line) and "\ufffd" not in line.decode("utf-8", "replace")
        if strayed:
            logger.warning("%s, line %d: a NUL character is read as a space", name, number)
        yield line.replace(b"\0", b" ") if strayed else line
