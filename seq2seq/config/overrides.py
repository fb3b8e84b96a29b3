"""What is typed after a command: `key=value`, read by Hydra's grammar where that can, and as it was meant where not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any, Optional, get_type_hints

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from seq2seq.config.auto import with_auto
from seq2seq.config.root import TrainConfig
from seq2seq.config.tables import DATA_FORMATS, TASKS, models
from seq2seq.errors import require_several

_KEY = r"[+~]{0,2}[\w./@-]+"
_PLAIN = re.compile(r"[\w./ -]*", re.ASCII)
_PATH = re.compile(
    r"run_dir|init\.(everything|encoder|decoder|embeddings)|search\.language_model"
    r"|data\.(root|index_dir|tokenizer\.(run|(source|target)_model))"
    r"|(?P<files>data\.(train|val|test)(\.(source|target))?|search\.ensemble)"
)

#: Groups of which a plain value stands for one of their keys.
_SHORT = {"init": "init.everything"}

_CLOSING = {"[": "]", "{": "}", "(": ")", "'": "'", '"': '"'}


def as_meant(overrides: Sequence[str], *, multirun: bool = False) -> list[str]:
    """Overrides as Hydra's grammar wants them, so that `run_dir=runs/a=b`, `data.root=~/data (old)` and `seed = 3` are
    read, and `KEY=auto` where the data can decide a key. What cannot be read in any way stays as it is.

    Args:
        multirun: a comma separates the values of a sweep, in paths too.
    """
    require_several(overrides, "overrides (key=value)")
    parser = OverridesParser.create()
    return with_auto([_as_meant(text, parser, multirun) for text in joined(overrides)])


def parse(
    overrides: Sequence[str], loader: ConfigLoader, *, multirun: bool = False
) -> tuple[list[Override], list[str]]:
    """Overrides as Hydra reads them, and a sentence for each that it cannot read; `multirun` as in `as_meant`."""
    parser = OverridesParser.create(config_loader=loader)
    parsed: list[Override] = []
    problems = []
    texts = as_meant(overrides, multirun=multirun)
    for before, text in zip(["", *joined(overrides)], texts):
        override = _read(text, parser)
        if override is None:
            problems.append(_unreadable(text, before))
        elif not override.key_or_group:
            problems.append(f"{text}: has no key before its =")
        else:
            parsed.append(override)
    return parsed, problems


def _read(text: str, parser: OverridesParser) -> Override | None:
    try:
        return parser.parse_override(text)
    except (HydraException, ValueError):  # Python reads no number of more than 4,300 digits
        return None


def joined(overrides: Sequence[str]) -> list[str]:
    """With `key = value`, which a shell cuts at its spaces, in one piece."""
    pieces: list[str] = []
    for text in overrides:
        before = pieces[-1] if pieces else ""
        is_key = re.fullmatch(_KEY, before) is not None
        if (text.startswith("=") and is_key) or (re.fullmatch(_KEY + "=", before) and "=" not in text):
            pieces[-1] = before + text
        else:
            pieces.append(text)
    return pieces


def _as_meant(text: str, parser: OverridesParser, multirun: bool) -> str:
    spaced = re.fullmatch(rf"\s*({_KEY})\s*=(?!=)\s*(.*?)\s*", text, re.DOTALL)
    if spaced is None:
        return text
    key, value = spaced.groups()
    key = key if value.startswith("{") else _SHORT.get(key, key)
    text = f"{key}={value}"
    override = _read(text, parser)
    if not multirun and _is_plain_path(key, value):
        return f"{key}={quoted(value)}"
    if override is not None:
        lossy = not override.is_sweep_override() and isinstance(override.value(), (bool, float, int))
        return f"{key}={quoted(value)}" if lossy and key in _texts() else text
    items = re.fullmatch(r"\[([^\[\]{}'\"]*)\]", value)
    if items is not None:
        items_quoted = [
            item if _PLAIN.fullmatch(item) else quoted(item.strip()) for item in items[1].split(",")
        ]
        candidate = f"{key}=[{','.join(items_quoted)}]"
    elif value[:1] in _CLOSING or "," in value or "${" in value:  # something else was meant than a text
        return text
    else:
        candidate = f"{key}={quoted(value)}"
    return candidate if _read(candidate, parser) is not None else text


def _is_plain_path(key: str, value: str) -> bool:
    """Whether it is a path as it stands, brackets and all: neither `null`, nor quoted, nor a list of files."""
    path = _PATH.fullmatch(key)
    if path is None or value in ("", "null") or "${" in value or value[0] in "'\"":
        return False
    return not (path["files"] and (value[0] in "[{" or "," in value))


def quoted(text: str) -> str:
    """As Hydra's grammar quotes: a backslash counts before a quote alone."""
    escaped = re.sub(r"(\\*)('|$)", lambda match: match[1] * 2 + ("\\'" if match[2] else ""), text)
    return f"'{escaped}'"


def _unreadable(text: str, before: str) -> str:
    if "=" not in text:
        other = re.fullmatch(rf"({_KEY})\s*:\s*(\S.*)", text)
        if other is not None:
            return f"{text}: write {other[1]}={other[2]}"
        if "=" in before:
            return (
                f"{text}: is no key=value; where it belongs to the one before, quote both for the shell:"
                f" '{before} {text}'"
            )
        return f"{text}: cannot be read; write key=value"
    key, value = (part.strip() for part in text.split("=", 1))
    other = re.fullmatch(rf"({_KEY})\s*(?::=|==|\+=|=>)\s*(.*)", text)
    if other is not None:
        return f"{text}: write {other[1]}={other[2]}"
    if re.fullmatch(_KEY, key) is None or "/" in key:
        proposal = re.sub(r"[\s/]+", ".", key)
        return f"{text}: a key has dots between its parts; write {proposal}={value}"
    opening = value[:1]
    if opening in _CLOSING and (value[-1] != _CLOSING[opening] or len(value) == 1):
        return f"{text}: the {opening} of the value is not closed by a {_CLOSING[opening]}"
    return f"{text}: cannot be read; write key=value, in quotes if it holds any of ,:{{}}[]()='\""


def text_of(override: str) -> str:
    """The value of `key=value`, without the quotes that `as_meant` may have put around it, and ~ written out."""
    parsed = _read(override, OverridesParser.create())
    text = "" if parsed is None or parsed.is_sweep_override() else str(parsed.value() or "")
    return os.path.expanduser(text)  # noqa: PTH111 - pathlib raises where there is no such user


@lru_cache(maxsize=1)
def _texts() -> set[str]:
    """The keys whose values are text, which `run_dir=2024_11_25` must not become a number of."""
    keys = set(_text_keys(TrainConfig))
    for group, schemas in (("data", DATA_FORMATS), ("task", TASKS), ("model", models())):
        for schema in schemas.values():
            keys.update(_text_keys(schema, f"{group}."))
    return keys


def _text_keys(schema: Any, prefix: str = "") -> Iterator[str]:
    for name, kind in get_type_hints(schema).items():
        if is_dataclass(kind):
            yield from _text_keys(kind, f"{prefix}{name}.")
        elif kind in (str, Optional[str]):
            yield prefix + name
