"""The command line, a file per family of commands.

TensorFlow and what needs it are imported inside commands, so that `--help` is quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

# isort: off
from seq2seq.cli import training, using, tools, serving  # noqa: F401 - each registers its commands, in this order

# isort: on
from seq2seq.cli.app import app, exit_on_user_error
from seq2seq.cli.streams import prepare_streams, use_utf8_mode
from seq2seq.logs import log_to_stderr

__all__ = ["app", "exit_on_user_error", "main"]


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The entry point; does not return.

    Args:
        arguments: of the program, without its name; None: those of the process.
    """
    if arguments is None:
        use_utf8_mode()
    prepare_streams()
    log_to_stderr()
    with exit_on_user_error():
        code = app(
            args=None if arguments is None else list(arguments), prog_name="seq2seq", standalone_mode=False
        )
    raise SystemExit(code or 0)
