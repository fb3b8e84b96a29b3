"""What the tables say that a part takes is what it takes."""

from __future__ import annotations

import inspect

import pytest

from seq2seq.config.groups.attention import ATTENTIONS
from seq2seq.config.groups.model import ENCODERS
from seq2seq.config.groups.optimizer import OPTIMIZERS, SCHEDULES
from seq2seq.config.tables import Part, Parts
from seq2seq.errors import UserError

TABLES = {"attention": ATTENTIONS, "encoder": ENCODERS, "optimizer": OPTIMIZERS, "schedule": SCHEDULES}


@pytest.mark.parametrize(("table", "name"), [(key, name) for key, table in TABLES.items() for name in table])
def test_keys_are_arguments(table: str, name: str) -> None:
    part = TABLES[table][name]
    parameters = inspect.signature(part.target).parameters.values()
    rest = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    assert rest or {*part.takes} <= {parameter.name for parameter in parameters}


class Group:
    size, rate, options = 3, 0.5, {"depth": 2}


def made(size: int, *, depth: int, width: int = 1) -> tuple[int, int, int]:
    return size, depth, width


def test_a_part_is_given_its_keys_and_its_options() -> None:
    assert Part(made, takes=("size",)).bind(Group, "group")() == (3, 2, 1)
    assert Part(made).bind(Group, "group", "size")(size=7) == (7, 2, 1)


def test_an_argument_that_nothing_gives_is_named() -> None:
    class Nothing(Group):
        options = None

    with pytest.raises(UserError, match=r"^group.options: made needs depth$"):
        Part(made, takes=("size",)).bind(Nothing, "group")


def test_an_entry_may_be_the_class_alone() -> None:
    parts = Parts(made=made, told=Part(made, "what it means"), later="tests.tasks.test_parts:made")
    assert [parts[name].target for name in parts] == [made] * 3
    assert [parts.about(name) for name in parts] == ["", "what it means", ""]
