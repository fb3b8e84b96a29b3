"""docs/walkthrough.md, command by command, on a file of the form that Tatoeba's pairs come in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAIRS = 600


def commands() -> list[str]:
    """Its indented lines, with a third of a minute for half an hour."""
    page = (ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8")
    found = re.findall(r"^    (.*seq2seq .*)$", page, re.MULTILINE)
    return [command.replace("training.max_minutes=30", "training.max_minutes=0.3") for command in found]


@pytest.mark.slow
def test_every_command_works(tmp_path: Path) -> None:
    english, german = (
        (ROOT / "data" / "translation" / f"train.{side}").read_text(encoding="utf-8").splitlines()[:PAIRS]
        for side in ("en", "de")
    )
    rows = [f"{a}\t{b}\tCC-BY 2.0 (France) #{n}\n" for n, (a, b) in enumerate(zip(english, german))]
    (tmp_path / "fra.txt").write_text("".join(rows), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    assert len(commands()) >= 8
    for command in commands():
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        if " predict " in command:
            assert len(done.stdout.splitlines()) == (3 if "--n-best" in command else 1), done.stdout
    summary = json.loads((tmp_path / "runs" / "fra" / "summary.json").read_text())
    assert summary["ended"] in ("0.3 minutes", f"{summary['steps']} steps")
    assert list((tmp_path / "runs" / "fra" / "plots").glob("*.png"))
