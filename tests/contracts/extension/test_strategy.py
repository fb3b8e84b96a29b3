"""A strategy is a function and a line."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from seq2seq.config.groups.hardware import STRATEGIES
from tests.contracts.extension.toys import added, taken_through
from tests.runs.tiny import LINES, write_corpus


@pytest.mark.slow
def test_it_works_in_all_that_a_run_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    added("Strategy", STRATEGIES, "last_device", monkeypatch)
    options = [*write_corpus(tmp_path), "hardware.strategy=last_device", "hardware.device=cpu"]
    with caplog.at_level(logging.INFO, logger="seq2seq"):
        taken_through(options, tmp_path, LINES[:2])
    assert "Running on /device:CPU:0 alone, float32." in caplog.text
