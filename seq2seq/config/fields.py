"""What a key of the configuration may be, and one line about it: data, from which keys are checked and documented.

A field's default is what holds where no YAML file of conf/ says otherwise. Its limits and its line travel as metadata:
`seq2seq.config.ranges` enforces the limits, `seq2seq train --help GROUP` and docs/reference.md print both. What no
field can say by itself is said by `Group.problems`.

Two habits of the groups: OmegaConf refuses `Literal`, hence the enumerations; YAML reads a bare `off` as False, hence
their `none`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from enum import Enum
from typing import Any, Callable


class Choice(str, Enum):
    """A word out of a few, written `WORD = "word"` or `WORD = "word", "what it means"`; prints and compares as it."""

    about: str

    def __new__(cls, word: str, about: str = "") -> Choice:
        member = str.__new__(cls, word)
        member._value_, member.about = word, about
        return member

    def __str__(self) -> str:
        return str(self.value)


class Group:
    """A group of keys: a dataclass of fields. Its docstring's first line says what it is about."""

    def problems(self, config: Any) -> Iterator[str]:
        """What is wrong with these keys though each by itself is right, one sentence each.

        Args:
            config: the whole configuration, a `TrainConfig`.
        """
        return iter(())


def option(default: Any, about: str, **limits: Any) -> Any:
    """A field of any type.

    Args:
        default: where no file of conf/ says otherwise.
        about: one line for `--help` and the reference.
        limits: see `number`, `numbers`, `choice_of` and `files`.
    """
    return field(default=default, metadata={"about": about, **limits})


def number(
    default: Any,
    about: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> Any:
    """A numeric field with the range that it must lie in."""
    return option(default, about, **_limits(above, at_least, below, at_most))


def numbers(
    *default: float,
    about: str,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    items: Sequence[int] = range(1000),
    unique: bool = False,
) -> Any:
    """A list of numbers with the range of each, how many there may be, and whether none may come twice."""
    limits = {**_limits(above, at_least, below, at_most), "items": items, "unique": unique}
    return field(default_factory=lambda: list(default), metadata={"about": about, **limits})


def _limits(
    above: float | None, at_least: float | None, below: float | None, at_most: float | None
) -> dict[str, Any]:
    limits = {"above": above, "at_least": at_least, "below": below, "at_most": at_most}
    return {word: limit for word, limit in limits.items() if limit is not None}


def positive(default: Any, about: str) -> Any:
    return number(default, about, above=0)


def not_negative(default: Any, about: str) -> Any:
    return number(default, about, at_least=0)


def rate(default: float, about: str) -> Any:
    """A probability of leaving something out: 0 is off, 1 would leave nothing."""
    return number(default, about, at_least=0, below=1)


def choice_of(table: Iterable[str] | Callable[[], Iterable[str]], default: str, about: str) -> Any:
    """A text that names something in a table, which may grow (or in what a function returns).

    A table's method `about`, where it has one, says what a name means.
    """
    words = table if callable(table) else table.__iter__
    return option(default, about, words=words, meaning=getattr(table, "about", lambda name: ""))


def options_of(what: str) -> Any:
    """A mapping that a part takes besides the keys beside it; see `seq2seq.config.tables.Part`."""
    return option(None, f"further arguments of {what}, {{name: value}}", mapping=True)


def choices_of(table: Iterable[str], about: str) -> Any:
    """A list of texts, each of which names something in a table; none by default."""
    return field(
        default_factory=list, metadata={"about": about, "words": table.__iter__, "items": range(1000)}
    )


def files(about: str) -> Any:
    """A path or a list of paths, which OmegaConf has no type for."""
    return option(None, about, files=True)


def group(schema: type, about: str = "") -> Any:
    """Keys of their own.

    Args:
        schema: their dataclass.
        about: where the first line of its docstring is not what is meant here.
    """
    return field(default_factory=schema, metadata={"about": about or (schema.__doc__ or "").split("\n")[0]})
