"""The command line, a file per family of commands.

TensorFlow and what needs it are imported inside commands, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Optional

from seq2seq.cli.signals import ExitOnSignal

__all__ = ["main"]


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The entry point; does not return.

    Args:
        arguments: of the program, without its name; None: those of the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    signals = ExitOnSignal(training=given[:1] == ["train"])  # before what follows, which takes its time
    try:
        from seq2seq.cli.commands import run

        run(given, own_process=arguments is None)
    except SystemExit as end:
        raise SystemExit(end.code if signals.code is None else signals.code) from None
    except BaseException:
        if signals.code is None:
            raise
        sys.stderr.write("Interrupted.\n")  # outside of any command, or it failed for being interrupted
        raise SystemExit(signals.code) from None
    finally:
        signals.command_ended()
