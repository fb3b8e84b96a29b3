"""An optimizer is a class and a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seq2seq
from seq2seq.config.groups.optimizer import OPTIMIZERS
from seq2seq.errors import ConfigError
from tests.contracts.extension.conftest import Extended
from tests.contracts.extension.toys import added, trained, weights


@pytest.mark.slow
def test_it_works_in_all_that_a_run_does(extended: Extended, tmp_path: Path) -> None:
    run = extended.way.run
    first = min(run.folder.checkpoints.glob("step-*"))
    before = weights(seq2seq.load(run.folder.path, checkpoint=first.name))
    steps = np.concatenate([np.abs(b - a).ravel() for a, b in zip(before, weights(run))])
    moved = steps[steps != 0]
    assert len(moved) > 0.5 * len(steps)
    np.testing.assert_allclose(
        moved, 0.02 * 0.5**2, rtol=1e-3
    )  # by the sign alone, at the rate of the schedule
    at_once = seq2seq.load(trained(extended.options, tmp_path / "at once", 2), checkpoint="latest")
    for a, b in zip(weights(at_once), weights(run)):  # the momentum was in the checkpoint
        np.testing.assert_array_equal(a, b)


def test_keys_of_others_are_refused_where_they_are_on(monkeypatch: pytest.MonkeyPatch) -> None:
    added("Optimizer", OPTIMIZERS, "lion", monkeypatch)
    chosen = ["optimizer.name=lion", "optimizer.options={decay: 0.5}"]
    assert seq2seq.compose([*chosen, "optimizer.weight_decay=0.1"]).optimizer.weight_decay == 0.1
    with pytest.raises(ConfigError) as refused:
        seq2seq.compose([*chosen, "optimizer.momentum=0.9"])
    assert refused.value.problems == ["optimizer.momentum=0.9: only optimizer=sgd has it, not optimizer=lion"]
