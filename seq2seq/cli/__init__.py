"""The command line, a file per family of commands.

TensorFlow and what needs it are imported inside commands, so that `--help` is quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

# isort: off
from seq2seq.cli import training, using, tools, serving  # noqa: F401 - each registers its commands, in this order

# isort: on
from seq2seq.cli.app import app, ending_well
from seq2seq.logs import log_to_stderr

__all__ = ["app", "ending_well", "main"]


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The entry point; does not return."""
    log_to_stderr()
    app(args=None if arguments is None else list(arguments), prog_name="seq2seq")
