"""The command line as a test calls it."""

from __future__ import annotations

import pytest

from seq2seq import cli


def seq2seq(*arguments: object) -> int:
    """Runs a command; returns its exit code."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    return int(end.value.code or 0)
