"""The walk over a configuration object that finds each value which its field does not allow, in lists too.

What a field allows stands beside it (see `seq2seq.config.fields`). What its type implies is added here: a
whole number fits 32 bits, a number is finite in float32, a text is not empty.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

_WORDS = {"above": "above {}", "at_least": "at least {}", "below": "below {}", "at_most": "at most {}"}
_LARGEST_INTEGER = 2**31 - 1
_LARGEST_NUMBER = 3.4028234663852886e38  # of float32, which everything is computed in


class Leaf(NamedTuple):
    """A value of a configuration that is no group of keys."""

    key: str
    """From the root, as `data.augment.speeds`."""
    value: Any
    expected: Any
    """Its type, as the schema says it."""
    limits: Mapping[str, Any]
    """The metadata of its field."""


def leaves(config: Any, prefix: str = "") -> Iterator[Leaf]:
    """Every value of a configuration object, in the order of the schema; lists are one value each."""
    schema: Any = type(config)
    hints = _type_hints(schema)
    for field in fields(config):
        key, value = prefix + field.name, getattr(config, field.name)
        if is_dataclass(value) and is_dataclass(hints[field.name]):
            yield from leaves(value, key + ".")
        else:
            yield Leaf(key, value, hints[field.name], field.metadata)


def out_of_range(config: Any) -> list[str]:
    """One sentence for each value that is not of its field's type, or outside of its limits."""
    return [problem for leaf in leaves(config) for problem in _problems(leaf)]


_type_hints = cache(get_type_hints)


def described(expected: Any, limits: Mapping[str, Any]) -> str:
    """A type in words.

    Args:
        expected: the type.
        limits: the metadata of its field.
    """
    if get_origin(expected) is list:
        return "a list, each of it " + described(get_args(expected)[0], limits)
    if "words" in limits:
        return "one of " + ", ".join(limits["words"]())
    if "mapping" in limits:
        return "a mapping or null"
    if get_origin(expected) is Union:  # Optional[…]
        return described(get_args(expected)[0], limits) + " or null"
    if is_dataclass(expected):
        return f"a group of keys ({', '.join(field.name for field in fields(expected))})"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return names.get(expected) or "one of " + ", ".join(words(expected, limits))


def words(expected: Any, limits: Mapping[str, Any]) -> list[str]:
    """What a choice may be; nothing for other types. Arguments as for `described`."""
    if "words" in limits:
        return list(limits["words"]())
    is_choice = isinstance(expected, type) and issubclass(expected, Enum)
    return [str(member) for member in expected] if is_choice else []


def named(value: Any, limits: Mapping[str, Any]) -> list[str]:
    """What a value names in the table of its field, a list each of its items; nothing where the field has none."""
    return (
        [str(name) for name in (value if isinstance(value, list) else [value])] if "words" in limits else []
    )


def shown(value: Any) -> str:
    """A value as a user would type it."""
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(shown(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{shown(item)}" for name, item in value.items()) + "}"
    if isinstance(value, int) and not isinstance(value, Enum) and abs(value) >= 10**30:
        return f"a number of {int(math.log10(abs(value))) + 1} digits"
    text = str(value.value if isinstance(value, Enum) else value)
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def are_files(value: Any) -> bool:
    """Whether it is a path, a list of paths, or null."""
    paths = value if isinstance(value, (list, tuple)) and value else [value]
    return value is None or all(isinstance(path, str) and path and "\0" not in path for path in paths)


def is_mapping(value: Any) -> bool:
    """Whether it is a mapping whose keys can name arguments, or null."""
    return value is None or (
        isinstance(value, dict) and all(isinstance(name, str) and name.isidentifier() for name in value)
    )


def _problems(leaf: Leaf) -> Iterator[str]:
    key, value, expected, limits = leaf
    if "files" in limits:
        if not are_files(value):
            yield f"{key}={shown(value)}: must be a path or a list of paths"
    elif "mapping" in limits:
        if not is_mapping(value):
            yield f"{key}={shown(value)}: must be a mapping, {{name: value}}, or null"
    elif not _is_of(value, expected) or not set(named(value, limits)) <= set(words(expected, limits)):
        yield f"{key}={shown(value)}: must be {described(expected, limits)}"
    elif isinstance(value, list):
        yield from _list_problems(key, value, limits)
        for place, item in enumerate(value):
            yield from _problems(Leaf(f"{key}[{place}]", item, get_args(expected)[0], limits))
    elif isinstance(value, str) and not isinstance(value, Enum):
        if not value or "\0" in value:
            yield f"{key}='{shown(value)}': must be text without the character NUL, and not empty" + (
                "; null leaves it out" if get_origin(expected) is Union else ""
            )
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        allowed = _allowed(value, limits)
        if allowed:
            yield f"{key}={shown(value)}: must be {allowed}"


def _list_problems(key: str, value: Sequence[Any], limits: Mapping[str, Any]) -> Iterator[str]:
    counts = limits.get("items")
    if counts and len(value) not in counts:
        numbers = " or ".join(map(str, counts)) if len(counts) < 4 else f"{counts[0]} to {counts[-1]}"
        yield f"{key}={shown(value)}: must have {numbers} values, and has {len(value)}"
    for number, item in enumerate(value):
        if limits.get("unique") and item in value[:number]:
            yield f"{key}[{number}]={shown(item)}: is in the list already"


def _is_of(value: Any, expected: Any) -> bool:
    if expected is Any:
        return True
    if get_origin(expected) is Union:
        return any(_is_of(value, kind) for kind in get_args(expected))
    if get_origin(expected) is list:
        return isinstance(value, list) and all(_is_of(item, get_args(expected)[0]) for item in value)
    if expected in (int, float):
        return isinstance(value, int if expected is int else (int, float)) and not isinstance(value, bool)
    return isinstance(value, expected)


def _allowed(value: float, limits: Mapping[str, Any]) -> str:
    """What would do, where the number does not; else nothing."""
    bounds = {word: limit for word, limit in limits.items() if word in _WORDS}
    largest = _LARGEST_NUMBER if isinstance(value, float) else _LARGEST_INTEGER
    finite = isinstance(value, int) or math.isfinite(value)
    if finite and abs(value) > largest and "at_most" not in bounds:
        bounds.update({"at_most": largest} if value > 0 else {"at_least": -largest})
    if finite and all(_within(value, word, limit) for word, limit in bounds.items()):
        return ""
    return (
        bounds_in_words(bounds)
        if finite
        else ", ".join(filter(None, ["a finite number", bounds_in_words(bounds)]))
    )


def bounds_in_words(limits: Mapping[str, Any]) -> str:
    """`above 0 and at most 1`; nothing without bounds."""
    return " and ".join(
        _WORDS[word].format(_plain(limit)) for word, limit in limits.items() if word in _WORDS
    )


def _within(value: float, word: str, limit: float) -> bool:
    if word == "above":
        return value > limit
    if word == "at_least":
        return value >= limit
    if word == "below":
        return value < limit
    return value <= limit


def _plain(limit: float) -> str:
    return str(int(limit)) if limit == int(limit) and abs(limit) < 1e15 else f"{limit:g}"
