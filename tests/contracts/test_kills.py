"""Contract 4, the hard way: training that is killed at random moments, also while it writes a checkpoint, and started
again ends with the weights and the records of one that nobody killed, bit for bit.

Everything random is on: dropout of every kind, scheduled sampling, subword sampling, changes of speed, noise, dither
and SpecAugment. `SEQ2SEQ_KILLS=20` kills more often than there is time for in every test run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.kill_run import STEPS
from tests.contracts.strategy_run import corpus
from tests.training.test_resume import assert_same_outcome, outcome

KILLS = int(os.environ.get("SEQ2SEQ_KILLS", "4"))


@pytest.mark.parametrize("task", ["translation", "speech"])
def test_killed_and_started_again(tmp_path: Path, task: str) -> None:
    corpus(tmp_path / "corpus")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.contracts.kill_run", task, str(tmp_path), str(KILLS), "1"],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout.splitlines()[-1])
    assert said["kills"] == KILLS
    _, records, state = outcome(tmp_path / "unbroken")
    assert state["position"]["step"] == STEPS
    assert len(records) == STEPS + STEPS // 8
    for number in range(said["runs"]):
        assert_same_outcome(tmp_path / f"broken-{number}", tmp_path / "unbroken")
