"""Errors that are the user's to mend; the command line prints them as they are and exits with code 2."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any


class UserError(Exception):
    """One clear sentence: the field, its value, what would be valid, and where (file and line)."""

    _keras_call_info_injected = True  # else Keras would print every argument of the layer around the sentence


class WorkerLostError(UserError):
    """Another process of the same training is gone; starting all of them again goes on."""


class PreemptedError(KeyboardInterrupt):
    """The system asked training to stop (SIGTERM, to this process or another worker); starting it again goes on."""


class ConfigError(UserError):
    """Everything that is wrong with a configuration, gathered so that one run shows it all."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def require_several(values: Any, what: str) -> None:
    """Refuses one text or path where several are meant: going through it would give its letters.

    Args:
        values: an argument.
        what: what it is meant to be several of, for the message.

    Raises:
        TypeError: it is a text, bytes or a path.
    """
    if isinstance(values, (str, bytes, PathLike)):
        raise TypeError(
            f"{what} are expected, as a list or another iterable, not one {type(values).__name__}"
        )
