"""Counts which combinations of cell, direction, depth and policy each contract has proven."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Callable

import pytest

from seq2seq.masking import MaskingPolicy

Proven = Callable[[str, Any, Iterable[MaskingPolicy]], None]


@pytest.fixture
def proven(request: pytest.FixtureRequest) -> Proven:
    """Call it with a contract's name, a stack, and the policies under which the contract held."""

    def note(contract: str, stack: Any, policies: Iterable[MaskingPolicy]) -> None:
        for policy in policies:
            request.node.user_properties.append(("proven", [contract, *stack, policy.value]))

    return note


def pytest_terminal_summary(terminalreporter: Any) -> None:
    combinations: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "proven":
                contract, *combination = value
                combinations[contract].add(tuple(combination))
    if not combinations:
        return
    from tests.contracts.cells import STACKS

    every = set[tuple[str, ...]]().union(*combinations.values())
    terminalreporter.section("combinations proven (cell × direction × depth × policy)")
    for contract, found in combinations.items():
        terminalreporter.write_line(f"{len(found):5d}  {contract}")
    shipped = len(STACKS) * len(MaskingPolicy)
    terminalreporter.write_line(f"{len(every):5d}  by at least one of them, of the {shipped} that ship")
