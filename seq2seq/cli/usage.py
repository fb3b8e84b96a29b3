"""Words for options that a command does not have: many of them are keys of the configuration."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, Optional

import typer

from seq2seq.errors import ConfigError

#: Typer has a Click of its own, or in earlier versions the one that is installed.
UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")


_MAX_NAMED = 3


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


def _key_hint(option: str, value: Optional[str]) -> str:
    word = option.lstrip("-").replace("-", "_").replace(".", "_")
    keys = _matching(word, _keys())[:_MAX_NAMED]
    return "".join(
        f"{', or ' if number else '; write '}{key}={value or '…'}" for number, key in enumerate(keys)
    )


def _keys() -> list[str]:
    from omegaconf import OmegaConf

    from seq2seq.config.schema import TrainConfig
    from seq2seq.config.validate import dotted

    keys = list(dotted(OmegaConf.structured(TrainConfig)))
    groups = {key.rpartition(".")[0] for key in keys}
    return [key for key in keys if key not in groups or "." not in key]


def _matching(word: str, keys: Iterable[str]) -> list[str]:
    """The keys whose last words an option's are, or are alike."""
    from seq2seq.config.validate import nearest

    spelt = {key: key.replace(".", "_") for key in keys}
    whole = [key for key, name in spelt.items() if name == word]
    ending = [key for key, name in spelt.items() if name.endswith(f"_{word}")]
    if whole or ending:
        return whole or ending
    names = {key.rpartition(".")[2]: key for key in spelt}
    near = nearest(word, names)
    return [names[near]] if near else []
