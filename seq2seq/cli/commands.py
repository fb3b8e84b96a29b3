"""All commands, registered."""

from __future__ import annotations

from collections.abc import Sequence

# isort: off
from seq2seq.cli import training, splitting, using, tuning, tools, serving  # noqa: F401 - each registers its commands, in this order

# isort: on
from seq2seq.cli.app import app, exit_on_user_error
from seq2seq.cli.streams import prepare_streams, use_utf8_mode
from seq2seq.logs import log_to_stderr


def run(arguments: Sequence[str], *, own_process: bool) -> None:
    """Runs one and exits.

    Args:
        arguments: of the program, without its name.
        own_process: whether they are those of this process, which may then be started again.
    """
    if own_process:
        use_utf8_mode()
    prepare_streams()
    log_to_stderr()
    with exit_on_user_error():
        code = app(args=list(arguments), prog_name="seq2seq", standalone_mode=False)
    raise SystemExit(code or 0)
