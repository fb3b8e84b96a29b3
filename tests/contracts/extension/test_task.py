"""A task is a folder and a line."""

from __future__ import annotations

import pytest

from tests.contracts.extension.conftest import Extended


@pytest.mark.slow
def test_it_works_in_all_that_a_run_does(extended: Extended) -> None:
    run = extended.way.run
    assert type(run.task) is extended.examples["Task"].BackwardsTask
    assert run.evaluate("test").references[1] == "SLEEPS DOG THE"  # of "THE DOG SLEEPS"
