"""Contract 4, the hard way: training that is killed (SIGKILL), terminated (SIGTERM) and interrupted (Ctrl-C) anywhere,
and started again, ends with the weights, the records and the evaluation of one that was left alone, bit for bit.

Anywhere: while the tokenizer is trained, the index is built, a step is made, weights are swapped, a checkpoint is
written, validation and the final evaluation go on. SIGTERM exits with 75 and Ctrl-C with 130, without a traceback.

Everything random is on: dropout of every kind, weight drop, scheduled sampling, subword sampling, changes of speed,
noise (of waveforms and of lines), dither and SpecAugment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.kill_run import REGIONS, SIGNALS, STEPS
from tests.contracts.strategy_run import corpus
from tests.training.test_resume import assert_same_outcome, outcome

KILLS = int(os.environ.get("SEQ2SEQ_KILLS", "4"))


@pytest.mark.parametrize(
    ("task", "kills", "seed"),
    [
        ("language_model", 2, 1),  # whose graphs are the quickest to make
        pytest.param("translation", KILLS, 2, marks=pytest.mark.slow),
        pytest.param("speech", KILLS, 3, marks=pytest.mark.slow),
        pytest.param("classification", KILLS, 4, marks=pytest.mark.slow),
        pytest.param("language_model", KILLS, 5, marks=pytest.mark.slow),
        pytest.param("autoencoder", KILLS, 6, marks=pytest.mark.slow),
    ],
)
def test_stopped_and_started_again(tmp_path: Path, task: str, kills: int, seed: int) -> None:
    corpus(tmp_path / "corpus")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.contracts.kill_run", task, str(tmp_path), str(kills), str(seed)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    done = json.loads(ended.stdout.splitlines()[-1])
    hits = Counter(map(tuple, done["kills"]))
    for region in REGIONS:
        print(f"{task}, {region}:", *(f"{number.name} {hits[region, number.name]}" for number in SIGNALS))
    assert len(done["kills"]) == kills
    _, records, state = outcome(tmp_path / "unbroken")
    assert state["position"]["step"] == STEPS
    assert len(records) == STEPS + STEPS // 4
    for number in range(done["runs"]):
        assert_same_outcome(tmp_path / f"broken-{number}", tmp_path / "unbroken")
        assert results(tmp_path / f"broken-{number}") == results(tmp_path / "unbroken")


def results(run: Path) -> dict[str, Any]:
    """What a finished run leaves behind, but for times; by the path of a file, with nothing left over."""
    found: dict[str, Any] = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if not path.is_file() or name.startswith("checkpoints") or name in ("metrics.jsonl", "config.yaml"):
            continue
        found[name] = path.read_bytes()
    summary = json.loads(found["summary.json"])
    del summary["wall_time"]
    return {**found, "summary.json": summary}
