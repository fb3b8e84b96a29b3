"""Words for options that a command does not have: many of them are keys of the configuration."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn, Optional

import typer

from seq2seq.errors import ConfigError

#: Typer has a Click of its own, or in earlier versions the one that is installed.
UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")

#: What may be overridden for a run that is trained: how it is searched, where it runs, which files it reads.
USABLE = re.compile(
    r"(search|hardware)[=.]|data\.(root|val|test|index_dir|batch|broken_audio)\b"
    r"|task\.(metric_on|bleu_tokenizer|lowercase_metric|stream\.\w+)="
)


def usage_sentence(error: Any) -> str:
    """A sentence of what Typer found wrong with the arguments."""
    option = getattr(error, "option_name", None)
    hint = _key_hint(option, None) if option and not error.possibilities else ""
    command = error.ctx.command_path if error.ctx else "seq2seq"
    return f"{error.format_message().rstrip('.')}{hint}; see `{command} --help`"


def parse_hydra(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Parses what `train` is given: Hydra's options, and overrides.

    Raises:
        ConfigError: with one sentence for each option that there is not, or for a value that one does not take.
    """

    def refuse(message: str) -> NoReturn:
        raise ConfigError([f"{message}; see `seq2seq train --help`"])

    parser.error = refuse  # type: ignore[method-assign]
    options, unknown = parser.parse_known_args(arguments)
    problems = []
    for text in unknown:
        if text.startswith("-"):
            option, _, value = text.partition("=")
            following = [*arguments[arguments.index(text) + 1 :], "-"][0]
            if not value and "=" not in following and not following.startswith("-"):
                value = following
            hint = _key_hint(option, value or None)
            problems.append(f"No such option: {option}{hint}; see `seq2seq train --help`")
    if unknown and not problems:  # argparse takes overrides from one place only
        problems.append(f"{unknown[0]}: options come before all overrides, or behind them")
    if problems:
        raise ConfigError(problems)
    return options


def meant_override(text: str, usable: re.Pattern[str] = USABLE) -> str:
    """`did you mean search.beam_width=5? `, of `beam_size=5`; nothing where it stands for no usable key."""
    from seq2seq.config.words import likely_keys

    key, equals, value = text.partition("=")
    keys = [name for name in likely_keys(key.strip()) if usable.match(f"{name}=")] if equals else []
    return f"did you mean {', or '.join(f'{name}={value.strip()}' for name in keys)}? " if keys else ""


def _key_hint(option: str, value: Optional[str]) -> str:
    from seq2seq.config.words import option_advice

    advice = option_advice(option, value)
    return f"; {advice}" if advice else ""
