"""A schedule is a class and a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seq2seq.config.groups.optimizer import SCHEDULES
from tests.contracts.extension.toys import added, taken_through
from tests.runs.tiny import LINES, write_corpus

CHOSEN = [
    "optimizer.learning_rate=0.02",
    "optimizer.schedule={name: linear, total_steps: 4, options: {power: 2}}",
]


@pytest.mark.slow
def test_it_works_in_all_that_a_run_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added("Schedule", SCHEDULES, "linear", monkeypatch)
    run = taken_through([*write_corpus(tmp_path), *CHOSEN], tmp_path, LINES[:2]).run
    records = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    rates = {record["step"]: record["learning_rate"] for record in records if "learning_rate" in record}
    assert rates == pytest.approx({1: 0.02 * 0.75**2, 2: 0.02 * 0.5**2})
