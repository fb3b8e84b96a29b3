"""Every value of every configuration is held to its field's limits, in lists as elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from seq2seq.config.groups.speech import SpeechModelConfig
from seq2seq.config.groups.speech_data import SpeechDataConfig as SpeechData
from seq2seq.config.ranges import leaves, out_of_range
from seq2seq.config.root import TrainConfig
from seq2seq.config.tables import DATA_FORMATS, TASKS, models

SCHEMAS = [
    *(("data", schema) for schema in DATA_FORMATS.values()),
    *(("task", schema) for schema in TASKS.values()),
    *(("model", schema) for schema in models().values()),
]


def config_with(group: str, schema: Any) -> TrainConfig:
    config = TrainConfig()
    setattr(config, group, schema())
    return config


def places(config: Any) -> Iterator[tuple[Any, str, Any, Any]]:
    """The object, name, type and limits of every value."""
    hints = get_type_hints(type(config))
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            yield from places(value)
        else:
            yield config, field.name, hints[field.name], field.metadata


def inner(expected: Any) -> Any:
    """The type of a list's values, and of what may be null."""
    if get_origin(expected) is Union:
        return inner(get_args(expected)[0])
    return get_args(expected)[0] if get_origin(expected) is list else expected


def wrong_values(expected: Any, limits: Any) -> list[Any]:
    kind = inner(expected)
    if "files" in limits:
        return ["", [], [""], ["a", 1], 3, {"a": "b"}, "a\0b", ["a", "b\0"]]
    if "mapping" in limits:
        return ["", [], 3, True, {"a b": 1}, {1: 2}]
    if kind in (int, float):
        wrong = [math.nan, math.inf, -math.inf, True, "1", 10**400, -(10**400), 1e39, -1e39]
        if kind is float:
            wrong = [value for value in wrong if abs(value if value != "1" else 0) != 10**400]
        for word, outside in (("above", 0), ("at_least", -1), ("below", 0), ("at_most", 1)):
            if word in limits:
                wrong.append(kind(limits[word] + outside))
                wrong += (
                    [limits[word] * (1 + 1e-6 * outside)] if kind is float and limits[word] * outside else []
                )
        return wrong
    if kind is str:
        return ["", "a\0b", 3, ["a"], True]
    if kind is bool:
        return [2, 0, 1, "true", None, math.nan]
    assert issubclass(kind, Enum)
    return ["none of them", 1, True, ""]


@pytest.mark.parametrize(("group", "schema"), SCHEMAS, ids=lambda value: getattr(value, "__name__", value))
def test_no_value_escapes(group: str, schema: Any) -> None:
    config = config_with(group, schema)
    assert out_of_range(config) == []
    keys = [leaf.key for leaf in leaves(config)]
    assert len(keys) == len(list(places(config))) == len(set(keys)) > 100
    for key, (holder, name, expected, limits) in zip(keys, places(config)):
        before = getattr(holder, name)
        for wrong in wrong_values(expected, limits):
            is_list = get_origin(expected) is list
            setattr(holder, name, [*before, wrong] if is_list else wrong)
            problems = out_of_range(holder)
            assert problems, f"{key}={wrong}"
            assert all(problem.startswith((f"{name}=", f"{name}[")) for problem in problems), problems
            assert all("must " in problem and "\n" not in problem for problem in problems), problems
        if get_origin(expected) is not Union and not limits.keys() & {"files", "mapping"}:
            setattr(holder, name, None)
            assert len(out_of_range(holder)) == 1, key
        setattr(holder, name, before)
    assert out_of_range(config) == []  # all is as it was


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("optimizer.learning_rate", math.inf, "inf: must be a finite number, above 0"),
        ("optimizer.learning_rate", math.nan, "nan: must be a finite number, above 0"),
        ("optimizer.learning_rate", 1e39, "1e+39: must be above 0 and at most 3.40282e+38"),
        ("optimizer.learning_rate", -0.0, "-0.0: must be above 0"),
        ("model.cell.forget_bias", math.inf, "inf: must be a finite number"),
        ("model.encoder.dropout", 1.0, "1.0: must be at least 0 and below 1"),
        ("model.encoder.units", 2**31, "2147483648: must be above 0 and at most 2147483647"),
        ("model.encoder.units", 10**400, "a number of 401 digits: must be above 0 and at most 2147483647"),
        ("model.encoder.units", True, "true: must be a whole number"),
        ("seed", 2**32, "4294967296: must be at least 0 and at most 4294967295"),
        ("run_dir", "", "'': must be text without the character NUL, and not empty; null leaves it out"),
        ("hardware.threads.intra", -1, "-1: must be at least 0 and at most 4096"),
        ("training.max_steps", 0, "0: must be above 0"),
        ("data.augment.speeds", [], "[]: must have 1 to 999 values, and has 0"),
        ("data.augment.speeds", ["fast"], "[fast]: must be a list, each of it a number"),
        ("data.augment.noise_snr", [1.0], "[1.0]: must have 0 or 2 values, and has 1"),
    ],
)
def test_what_is_said(key: str, value: Any, problem: str) -> None:
    assert problems_with(key, value) == [f"{key}={problem}"]


def test_values_of_a_list_are_named_by_their_place() -> None:
    assert problems_with("data.augment.speeds", [1.0, math.nan, 0.0]) == [
        "data.augment.speeds[1]=nan: must be a finite number, at least 0.1 and at most 10",
        "data.augment.speeds[2]=0.0: must be at least 0.1 and at most 10",
    ]
    assert problems_with("model.encoder.reduce_after", [2, 1, 2]) == [
        "model.encoder.reduce_after[2]=2: is in the list already"
    ]
    assert problems_with("model.encoder.front_channels", [8, 0]) == [
        "model.encoder.front_channels[1]=0: must be above 0"
    ]


def test_the_largest_and_the_smallest_that_are_allowed() -> None:
    for key, value in [
        ("seed", 2**32 - 1),
        ("model.encoder.dropout", -0.0),
        ("data.augment.noise_snr", [-200.0, 200.0]),
        ("data.augment.speeds", [0.9, 1.0, 1.0]),  # drawn twice as often
        ("optimizer.learning_rate", 1e-300),
        ("training.max_steps", None),
    ]:
        assert problems_with(key, value) == []


def problems_with(key: str, value: Any) -> list[str]:
    config = TrainConfig(data=SpeechData(), model=SpeechModelConfig())
    holder: Any = config
    *groups, name = key.split(".")
    for group in groups:
        holder = getattr(holder, group)
    setattr(holder, name, value)
    return out_of_range(config)
