"""Lines of text files."""

from __future__ import annotations

import gzip
import logging
import os
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

from seq2seq.errors import UserError

logger = logging.getLogger(__name__)

MAX_LINE_BYTES = 1 << 24
"""Of a line of text; a small gzip file can hold one that fills the memory."""

MAX_NAMED, MAX_CHARACTERS = 20, 100

_UTF16 = "UTF-16 text; convert it to UTF-8"
_NO_TEXT = {
    b"\xff\xfe": _UTF16,
    b"\xfe\xff": _UTF16,
    b"\x1f\x8b": "a gzip file, whose name would have to end in .gz",
    b"PK\x03\x04": "a zip archive",
    b"RIFF": "a WAV file",
    b"fLaC": "a FLAC file",
    b"OggS": "an Ogg file",
    b"ID3": "an MP3 file",
}
"""What files begin with that are taken for text at times."""


class NotTextError(UserError):
    """What was to be read as lines of text is something else."""


def file_lines(path: Path) -> Iterator[str]:
    """The lines of a file, decompressed if its name ends in `.gz`.

    Raises:
        UserError: the file is missing, empty, not readable, not whole or not UTF-8 text.
    """
    number = 0
    with open_bytes(path) as stream:
        lines = iter(lambda: stream.readline(MAX_LINE_BYTES + 1), b"")
        for number, line in enumerate(stream_lines(lines, str(path)), start=1):  # noqa: B007
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
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as stream:
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
        NotTextError: a line is not UTF-8, is far too long, or holds NUL, which other encodings and no text have.
    """
    for number, line in enumerate(stream, start=1):
        if len(line) > MAX_LINE_BYTES:
            raise NotTextError(
                f"{name}, line {number}: is longer than {MAX_LINE_BYTES:,} bytes, so no line of text."
            )
        if ends := line.endswith(b"\n"):
            line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        try:
            text = line.decode("utf-8", errors)
        except UnicodeDecodeError as error:
            fault = f"this is not UTF-8 (byte 0x{line[error.start]:02x} at position {error.start + 1})"
            raise NotTextError(_not_text(name, number, line, fault)) from error
        if "\0" in text:
            raise NotTextError(
                _not_text(name, number, line, "this holds a NUL character, which text does not")
            )
        if number == 1 and not ends and "\r" in text.rstrip("\r"):
            raise NotTextError(f"{name}: its lines end in carriage returns alone; convert these to newlines.")
        yield text.removeprefix("\ufeff") if number == 1 else text  # a byte order mark is no text


def _not_text(name: str, number: int, line: bytes, fault: str) -> str:
    kinds = [kind for beginning, kind in _NO_TEXT.items() if line.startswith(beginning)]
    if not kinds and len(line) > line.count(b"\0") >= len(line) // 3 > 0:  # every other byte, of most scripts
        kinds = [_UTF16]
    kind = f"; the file looks like {kinds[0]}" if number == 1 and kinds else ""
    return f"{name}, line {number}: {fault}{kind}."


def filled_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a file that are not blank, each with where it stands: file and line.

    Raises:
        UserError: as `file_lines`; there are none but blank ones.
    """
    filled = False
    for number, line in enumerate(file_lines(path), start=1):
        if line.strip(" \r"):  # with tabs a line is a row of empty fields
            filled = True
            yield f"{path}, line {number}", line
    if not filled:
        raise UserError(f"{path} has none but blank lines.")


def name_and_rest(line: str) -> tuple[str, str]:
    """The first word of a line and what follows, separated by spaces and tabs alone: Unicode's may belong to either."""
    name, *rest = re.split(r"[ \t]+", line.lstrip(" \t"), maxsplit=1)
    return name, rest[0] if rest else ""


def file_exists(path: Path) -> bool:
    """Whether this is a file; no name is too strange to ask, which `Path.is_file` raises for."""
    return os.path.isfile(path)  # noqa: PTH113


def warn_of_unread(path: Path, kind: str, names: Iterable[str], read: Collection[str]) -> None:
    """Names what a file holds that nobody reads: a misspelt name is seen there."""
    unread = [name for name in names if name not in read]
    if unread:
        plural = "s" if len(unread) > 1 else ""
        warn_once(f"{path}: the {kind}{plural} {listed(unread)} {'are' if plural else 'is'} not read.")


def listed(names: Sequence[str], most: int = MAX_NAMED) -> str:
    """The first of many names, and how many there are beside them."""
    more = f" … and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(cut(name, MAX_CHARACTERS) for name in names[:most]) + more


def cut(text: str, most: int) -> str:
    """The beginning of a text that may be of any length."""
    return text if len(text) <= most else f"{text[:most]}…"


@cache
def warn_once(sentence: str) -> None:
    """Warns once in a process, however often the same file is read."""
    logger.warning("%s", sentence)
