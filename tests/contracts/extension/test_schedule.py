"""A schedule is a class and a line."""

from __future__ import annotations

import json

import pytest

from tests.contracts.extension.conftest import Extended


@pytest.mark.slow
def test_it_works_in_all_that_a_run_does(extended: Extended) -> None:
    lines = extended.way.run.folder.metrics.read_text().splitlines()
    records = [json.loads(line) for line in lines]
    rates = {record["step"]: record["learning_rate"] for record in records if "learning_rate" in record}
    assert rates == pytest.approx({1: 0.02 * 0.75**2, 2: 0.02 * 0.5**2})
