"""A task is a folder and a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2seq.config.tables import TASKS
from tests.contracts.extension.toys import added, taken_through
from tests.runs.tiny import LINES, write_corpus


@pytest.mark.slow
def test_it_works_in_all_that_a_run_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = added("Task", TASKS, "backwards", monkeypatch)
    run = taken_through(["task=backwards", *write_corpus(tmp_path)], tmp_path, LINES[:2]).run
    assert type(run.task) is example.BackwardsTask
    assert run.evaluate("test").references[1] == "sleeps dog the"  # of "the dog sleeps"
