"""Keys of the configuration with their types, defaults and meaning, as `--help` and docs/reference.md give them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf

from seq2seq.config.auto import is_auto
from seq2seq.config.ranges import bounds_in_words, described, shown


class Entry(NamedTuple):
    """A key."""

    key: str
    """From the root."""
    kind: str
    """What it may be, in words."""
    default: str
    """As a user would type it."""
    about: str


class Section(NamedTuple):
    """A group of keys, without those of the groups in it."""

    key: str
    about: str
    entries: list[Entry]


def sections(config: DictConfig, key: str, about: str = "") -> Iterator[Section]:
    """A group of keys, and the groups in it.

    Args:
        config: the whole configuration, whose values are the defaults.
        key: the group's, from the root.
        about: a line about it, where it is not the first of its docstring.
    """
    node = OmegaConf.select(config, key) if key else config
    schema: Any = OmegaConf.get_type(node)
    inner = [field for field in fields(schema) if is_dataclass(OmegaConf.get_type(node, field.name))]
    entries = [_entry(node, field.name, key) for field in fields(schema) if field not in inner]
    yield Section(key, about or (schema.__doc__ or "").split("\n")[0], entries)
    for field in inner:
        # A subclass, one of several tasks or formats, says best what it is about.
        own = OmegaConf.get_type(node, field.name) is not get_type_hints(schema)[field.name]
        yield from sections(config, _joined(key, field.name), "" if own else field.metadata["about"])


def entry(config: DictConfig, key: str) -> Entry:
    """One key; arguments as for `sections`."""
    parent, _, name = key.rpartition(".")
    return _entry(OmegaConf.select(config, parent) if parent else config, name, parent)


def _entry(node: DictConfig, name: str, parent: str) -> Entry:
    schema: Any = OmegaConf.get_type(node)
    field = next(field for field in fields(schema) if field.name == name)
    kind, about = _kind(get_type_hints(schema)[name], field.metadata), field.metadata["about"]
    return Entry(_joined(parent, name), kind, _default(node, name), about)


def _joined(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


def _default(node: DictConfig, name: str) -> str:
    written = OmegaConf.to_container(node, resolve=False)[name]  # type: ignore[index,call-overload]
    if isinstance(written, str) and "${bundled:" in written:  # where it lies depends on the machine
        return written
    if is_auto(written):
        return "the data decides"
    value = node[name]
    return shown(OmegaConf.to_container(value) if OmegaConf.is_config(value) else value)


def _words(expected: Any, limits: Any) -> Iterator[tuple[str, str]]:
    """The words of a choice with their meanings; nothing for other types."""
    if "words" in limits:
        meaning = limits.get("meaning", lambda word: "")
        yield from ((word, meaning(word)) for word in limits["words"]())
    elif isinstance(expected, type) and issubclass(expected, Enum):
        yield from ((str(word), getattr(word, "about", "")) for word in expected)


def _kind(expected: Any, limits: Any) -> str:
    """What a key may be: `a whole number above 0`; words that need it with their meaning."""
    if "files" in limits:
        return "a path or a list of paths"
    optional = get_origin(expected) is Union
    expected = get_args(expected)[0] if optional else expected
    if listed := list(_words(expected, limits)):
        kind = "a list, each of it " if get_origin(expected) is list else ""
        kind += "one of " + ", ".join(f"{word} ({about})" if about else word for word, about in listed)
    else:
        kind = described(expected, limits)
    kind = " ".join(filter(None, [kind, bounds_in_words(limits)]))
    return f"{kind}, or null" if optional else kind
