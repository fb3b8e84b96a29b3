"""What `seq2seq train --help GROUP` prints: the keys of a group, or of one choice of it."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence

from omegaconf import DictConfig, OmegaConf

from seq2seq.config.compose import choices_made, keys_set_by, read_choices
from seq2seq.config.contents import comment, first_sentence
from seq2seq.config.hydra_loader import Loader
from seq2seq.config.reference import Entry, entry, sections
from seq2seq.config.root import TrainConfig
from seq2seq.config.validate import is_group, missing_key, unknown_choice
from seq2seq.errors import ConfigError

_COLUMN = 44


def manual(names: Sequence[str], config_dir: str | None = None) -> str:
    """Keys with their types, defaults and meaning.

    Args:
        names: groups (`optimizer`), choices (`data=tsv`), groups in them (`model.encoder`) or keys (`seed`); what is
            chosen counts for all of them.
        config_dir: see `compose`.

    Raises:
        ConfigError: with one sentence for each that there is not.
    """
    loader = Loader(config_dir)
    options = {group: loader.choices(group) for group in loader.groups()}
    asked = [(key, choice) for key, _, choice in (name.partition("=") for name in names)]
    chosen = [(key, choice) for key, choice in asked if key in options and choice]
    problems = [
        unknown_choice(key, choice, options[key]) for key, choice in chosen if choice not in options[key]
    ]
    overrides = [f"{key}={choice}" for key, choice in chosen if choice in options[key]]
    config = OmegaConf.structured(TrainConfig)
    problems += read_choices(config, loader, overrides)
    problems += [problem for key, _ in asked if key not in options and (problem := missing_key(config, key))]
    if problems:
        raise ConfigError(problems)

    lines: list[str] = []
    for key, choice in asked:
        if choice and key in options:
            lines += [*_wrapped(f"{key}={choice}: {comment(key, choice) or 'a choice of your own.'}"), ""]
        elif key in options:
            default = choices_made(loader, overrides).get(key)
            for name in options[key]:
                mark = "*" if name == default else " "
                lines.append(f"{mark} {key}={name}".ljust(_COLUMN) + first_sentence(key, name))
            lines += ["", *([f"* {key}={default}, the default, has these keys:", ""] if default else [])]
        if key == "experiment":
            for name in keys_set_by(loader, choice) if choice else ():
                lines += _lines(entry(config, name))
        elif is_group(config, key):
            lines += _group(config, key)
        else:
            lines += _lines(entry(config, key))
    return "\n".join(lines).rstrip() + "\n"


def _group(config: DictConfig, key: str) -> Iterator[str]:
    for section in sections(config, key):
        yield from _wrapped(f"{section.key}: {section.about}")
        for each in section.entries:
            yield from _lines(each)
        yield ""


def _lines(entry: Entry) -> Iterator[str]:
    """`key=default`, and beside it what it means."""
    left = f"  {entry.key}={entry.default}"
    first, *rest = _wrapped(f"{entry.about}; {entry.kind}", " " * _COLUMN)
    if len(left) < _COLUMN:
        yield left.ljust(_COLUMN) + first[_COLUMN:]
    else:
        yield from (left, first)
    yield from rest


def _wrapped(text: str, indent: str = "") -> list[str]:
    width = max(80, min(shutil.get_terminal_size((110, 24)).columns, 140))
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent or "    ", break_long_words=False
    )
