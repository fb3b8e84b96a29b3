"""Standard input, output and errors: UTF-8 whatever the locale, and a word where output cannot be written."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import Any, TextIO

from seq2seq.errors import UserError

BROKEN_PIPE = 141


def use_utf8_mode() -> None:
    """Starts Python again in its UTF-8 mode where the locale has names of files in another encoding.

    Else such a name would be one text here and another for TensorFlow and in files, which are UTF-8.
    """
    if sys.getfilesystemencoding().lower() in ("utf-8", "utf8"):
        return
    os.environ["PYTHONUTF8"] = "1"  # of processes that are started from here
    arguments = getattr(sys, "orig_argv", [sys.executable, *sys.argv])[1:]  # Python 3.9 has none
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *arguments])


def prepare_streams() -> None:
    """Makes the process's output and errors UTF-8, and bytes of names that are not stay what they are.

    Output that cannot be written (a full disk, a stream that is closed) is a `UserError`, a reader that went away ends
    the program with code 141; errors that cannot be written are lost, for work is not to end with them.
    """
    codecs.register_error(_keep_bytes.__name__, _keep_bytes)
    if sys.stdout is None:  # closed, and a file that is opened next would be taken for it
        os.dup2(os.open(os.devnull, os.O_RDONLY), 1)
    if sys.stderr is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Output(1, "w", closefd=False))
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Errors(2, "w", closefd=False), line_buffering=True)


def _text(raw: io.FileIO, line_buffering: bool = False) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8",
        errors=_keep_bytes.__name__,
        line_buffering=line_buffering or raw.isatty(),
    )


class _Output(io.FileIO):
    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            # What is buffered yet goes nowhere, or Python would complain of it at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            if error.errno == errno.EPIPE:
                raise SystemExit(BROKEN_PIPE) from None
            reason = "it is closed" if error.errno == errno.EBADF else error.strerror
            raise UserError(f"standard output cannot be written: {reason}") from error


class _Errors(io.FileIO):
    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _keep_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes of a name that is not UTF-8 as they were; other halves of surrogate pairs, which are no text, spelt out."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)
