"""A strategy is a function and a line."""

from __future__ import annotations

import pytest

from tests.contracts.extension.conftest import Extended


@pytest.mark.slow
def test_it_works_in_all_that_a_run_does(extended: Extended) -> None:
    assert extended.logged.count("Running on /device:CPU:0 alone, float32.") == 2  # in both trainings
