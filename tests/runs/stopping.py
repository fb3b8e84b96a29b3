"""A run that is stopped in the middle and goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from seq2seq.config.compose import compose
from seq2seq.runs.train import train
from tests.training.test_resume import assert_same_outcome


def assert_ends_as_unbroken(options: Sequence[str], folder: Path, step: int = 4) -> None:
    """Trains a run twice, once stopped at a step that is reported, and compares all that they leave, bit for bit."""
    given = [*options, "training.checkpoint_every=1"]
    unbroken = train(compose([*given, f"run_dir={folder / 'unbroken'}"]))

    def stop(record: dict[str, Any]) -> None:
        if record["step"] == step:
            raise KeyboardInterrupt

    broken = compose([*given, f"run_dir={folder / 'broken'}"])
    with pytest.raises(KeyboardInterrupt):
        train(broken, stop)
    train(broken)
    assert_same_outcome(folder / "broken", unbroken)
