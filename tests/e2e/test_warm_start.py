"""docs/warm_start.md, command by command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.commands import seq2seq

ROOT = Path(__file__).parents[2]
SHORT = [
    "training.max_steps=12",
    "training.report_every=1",
    "training.tensorboard=false",
    "training.plots=false",
    "task.examples_shown=0",
    "model.encoder.units=16",
    "model.decoder.units=16",
]


def commands() -> list[str]:
    """Its indented lines."""
    page = (ROOT / "docs" / "warm_start.md").read_text(encoding="utf-8")
    return re.findall(r"^    seq2seq (.*)$", page, re.MULTILINE)


@pytest.mark.slow
def test_every_command_works(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for side in ("en", "de"):
        lines = (ROOT / "data" / "translation" / f"train.{side}").read_text("utf-8").splitlines(keepends=True)
        for folder, first in (("general", 0), ("mine", 500)):
            (tmp_path / folder).mkdir(exist_ok=True)
            for split, n, count in (("train", first, 200), ("val", first + 200, 20)):
                text = "".join(lines[n : n + count])
                (tmp_path / folder / f"{split}.{side}").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    assert len(commands()) == 4
    for command in commands():
        words = command.replace(
            "training.max_minutes=30", " ".join(SHORT[: 7 if "init" not in command else 5])
        ).split()
        assert seq2seq(*words) == 0, command
    said = capsys.readouterr().out
    assert re.search(
        r"^init         encoder: normalised inputs, layer 1 taken from runs/general \(step-",
        said,
        re.MULTILINE,
    )
    assert [text for text in caplog.messages if text.startswith("The model is that of runs/general (step-")]
    assert any(
        text.startswith("encoder: normalised inputs, layer 1, source embedding") for text in caplog.messages
    )
    general, mine, part = (tmp_path / "runs" / name for name in ("general", "mine", "part"))
    for path in (general / "tokenizer").iterdir():
        assert (mine / "tokenizer" / path.name).read_bytes() == path.read_bytes()
    first = json.loads((mine / "metrics.jsonl").read_text().splitlines()[0])
    new = json.loads((general / "metrics.jsonl").read_text().splitlines()[0])
    assert (first["step"], new["step"]) == (1, 1)
    assert first["loss"] < new["loss"]
    assert (part / "summary.json").is_file()
