"""Where what this package logs is shown."""

from __future__ import annotations

import logging
import sys


def log_to_stderr() -> None:
    """Shows what is logged from now on, one line each; standard output is for what was asked for."""
    logger = logging.getLogger("seq2seq")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        handler = logging.StreamHandler(_CurrentStderr())
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        # absl's logging, which TensorFlow uses, gives the root logger a handler, and lines would come twice.
        logger.propagate = False


def log_to_stderr_by_default() -> None:
    """The same, unless the program has set up logging of its own."""
    if not logging.getLogger("seq2seq").hasHandlers():
        log_to_stderr()


class _CurrentStderr:
    """Whatever `sys.stderr` is when a line is written: a progress bar puts itself there, and lines above itself."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
