"""Lines of text files."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from seq2seq.errors import UserError


class NotTextError(UserError):
    """What was to be read as lines of text is something else."""


def file_lines(path: Path) -> Iterator[str]:
    """The lines of a file, decompressed if its name ends in `.gz`.

    Raises:
        UserError: the file is missing, empty, not readable, not whole or not UTF-8.
    """
    number = 0
    with open_bytes(path) as stream:
        for number, line in enumerate(stream_lines(stream, str(path)), start=1):  # noqa: B007
            yield line
    if number == 0:
        raise UserError(f"{path} is empty.")


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for reading, decompressed if its name ends in `.gz`.

    Raises:
        UserError: the file cannot be opened or, within the block, not be read to its end.
    """
    if "\0" in str(path):
        raise UserError(f"Cannot read {str(path)!r}: no name holds a NUL.")
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            yield stream  # type: ignore[misc]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is not a whole gzip file.") from error
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error


def stream_lines(stream: Iterable[bytes], name: str, errors: str = "strict") -> Iterator[str]:
    r"""The lines of a stream of UTF-8 without their ends.

    Only `\n` and `\r\n` end a line. Whatever else Unicode calls a line break (U+0085, U+2028, …) is text, or
    two files that are translations of each other line by line would get out of step.

    Args:
        stream: bytes; its own iteration is by `\n`.
        name: how errors call it.
        errors: what is done with bytes that are not UTF-8, as in `bytes.decode`.

    Raises:
        UserError: a line is not UTF-8.
    """
    for number, line in enumerate(stream, start=1):
        if line.endswith(b"\n"):
            line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        try:
            text = line.decode("utf-8", errors)
        except UnicodeDecodeError as error:
            where = f"byte 0x{line[error.start]:02x} at position {error.start + 1}"
            raise NotTextError(f"{name}, line {number}: this is not UTF-8 ({where}).") from error
        yield text.removeprefix("\ufeff") if number == 1 else text  # a byte order mark is no text
