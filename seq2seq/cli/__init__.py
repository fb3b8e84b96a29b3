"""The command line, a file per family of commands.

TensorFlow and what needs it are imported inside commands, so that `--help` is quick.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Optional

# isort: off
from seq2seq.cli import training, using, tools, serving  # noqa: F401 - each registers its commands, in this order

# isort: on
from seq2seq.cli.app import app, exit_on_user_error
from seq2seq.cli.streams import prepare_streams, use_utf8_mode

__all__ = ["app", "exit_on_user_error", "main"]


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The entry point; does not return.

    Args:
        arguments: of the program, without its name; None: those of the process.
    """
    if arguments is None:
        use_utf8_mode()
    prepare_streams()
    # TensorFlow's C++ side logs an error for each GPU library that it lacks; what is fatal still shows.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings(
        "ignore", message=r"\s*TensorFlow Addons"
    )  # its end of life is known, see pyproject.toml
    logger = logging.getLogger("seq2seq")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        handler = logging.StreamHandler(_CurrentStderr())  # standard output is for what was asked for
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    with exit_on_user_error():
        code = app(
            args=None if arguments is None else list(arguments), prog_name="seq2seq", standalone_mode=False
        )
    raise SystemExit(code or 0)


class _CurrentStderr:
    """Whatever `sys.stderr` is when a line is written: a progress bar puts itself there, and lines above itself."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
