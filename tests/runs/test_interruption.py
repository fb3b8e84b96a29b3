"""Ctrl-C and SIGTERM anywhere in a command but `train` (see tests/contracts/test_kills.py): its exit code, at most one
sentence, and nothing half written; given again, it does all that it would have done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STOPS = int(os.environ.get("SEQ2SEQ_STOPS", "4"))

# RUN and OUT are folders, which may be written to; TEXT is a file that is read.
COMMANDS = {
    "evaluate": ["evaluate", "RUN", "--split", "val"],
    "predict": ["predict", "RUN", "TEXT", "--alignments", "OUT"],
    "export": ["export", "RUN", "OUT/1", "export.tokenizer=none", "export.examples=2"],
    "average": ["average", "RUN", "--last", "2"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_stopped_leaves_nothing_half_written(
    name: str, options: list[str], finished: Path, tmp_path: Path
) -> None:
    root = next(option for option in options if option.startswith("data.root=")).partition("=")[2]
    commands = []
    for folder in (tmp_path / "unbroken", tmp_path / "stopped"):
        shutil.copytree(finished, folder / "run")
        if name == "evaluate":
            shutil.rmtree(folder / "run" / "index")  # to be made anew
        shutil.rmtree(folder / "run" / "predictions")
        places = {
            "RUN": folder / "run",
            "OUT": folder / "out",
            "OUT/1": folder / "out" / "1",
            "TEXT": f"{root}/source",
        }
        commands.append([str(places.get(part, part)) for part in COMMANDS[name]])
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.runs.interruption_run",
            *map(json.dumps, commands),
            str(tmp_path),
            str(STOPS),
            "1",
        ],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    unbroken = contents(tmp_path / "unbroken")
    *stopped, last = json.loads(done.stdout.splitlines()[-1])
    for end in stopped:
        # 0: it does not come to the same line again, with the index made.
        assert end["code"] == end["expected"] or (name == "evaluate" and end["code"] == 0), end["log"]
        assert "Traceback" not in end["log"]
        assert "Exception ignored" not in end["log"]
        left = {path.partition("/")[2] for path in end["left"] if path.startswith("stopped/")}
        assert left <= set(unbroken)
        # AutoGraph's own are removed at the exit of Python, which a fork does not come to.
        assert not [path for path in end["left"] if path.startswith("tmp/") and "autograph" not in path]
        for complete in ("out/1", "run/index"):
            parts = {path for path in unbroken if path.startswith(f"{complete}/")}
            assert name == "predict" or left & parts in (set(), parts)
    assert last["code"] == 0, last["log"]
    assert sum(end["code"] != 0 for end in stopped) >= STOPS // 2
    assert contents(tmp_path / "stopped").keys() == unbroken.keys()
    for path, content in contents(tmp_path / "stopped").items():
        if path.startswith(("run/predictions", "run/index", "out/")) and path.endswith(
            (".txt", ".tsv", ".bin")
        ):
            assert content == unbroken[path], path


def contents(folder: Path) -> dict[str, bytes]:
    """By its path, of each file and folder within."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }
