"""A run says what is wrong with it: when it begins, when a validation shows it, and at its end."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from seq2seq.config.compose import compose
from seq2seq.runs.train import train
from seq2seq.tasks.evaluation import Evaluation
from seq2seq.tasks.translation.evaluator import TranslationEvaluator

FEW = "This run makes {} updates, "
STILL = "The decoder attends to the last position of a source with 97% of its tokens, "


@pytest.fixture
def collapsed(stand_ins: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluations of a model whose attention does not move, and that should have learnt to by its fourth update."""
    monkeypatch.setattr(
        "seq2seq.tasks.training.TrainingTask.least_updates", (4, "few models learn to attend")
    )
    monkeypatch.setattr("seq2seq.tasks.signs.MIN_UPDATES", 4)
    evaluate = TranslationEvaluator.evaluate

    def planted(self: TranslationEvaluator, index: Any) -> Evaluation:
        return evaluate(self, index)._replace(statistics={"attention_on_last": 0.97})

    monkeypatch.setattr(TranslationEvaluator, "evaluate", planted)


def starts(messages: list[str], *sentences: str) -> list[str]:
    """Which of the sentences the messages begin with, in their order."""
    return [sentence for message in messages for sentence in sentences if message.startswith(sentence)]


def test_a_run_that_is_too_short(
    options: list[str], stand_ins: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run, few = tmp_path / "run", FEW.format(2)
    train(compose([*options, f"run_dir={run}"]))
    assert starts(caplog.messages, few) == [few, few]  # at the beginning and at the end
    signs = json.loads((run / "summary.json").read_text())["signs"]
    assert starts(signs, few) == [few] and len(signs) == 1


def test_what_a_validation_shows_is_said_once_and_at_the_end(
    options: list[str], collapsed: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "run"
    train(compose([*options, f"run_dir={run}", "training.max_steps=6"]))
    assert starts(caplog.messages, STILL) == [STILL, STILL]
    summary = json.loads((run / "summary.json").read_text())
    assert starts(summary["signs"], STILL) == [STILL] and len(summary["signs"]) == 1
    assert summary["validation"]["signs/attention_on_last"] == 0.97
    assert "signs/attention_on_last" not in summary["test"]
    records = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    assert [r["val_signs/attention_on_last"] for r in records if "val_loss" in r] == [0.97] * 6


def test_a_run_that_goes_on_says_nothing_again(
    options: list[str], collapsed: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(record: dict[str, Any]) -> None:
        if record["step"] == 5:
            raise KeyboardInterrupt

    run = tmp_path / "run"
    config = compose([*options, f"run_dir={run}", "training.max_steps=7"])
    with pytest.raises(KeyboardInterrupt):
        train(config, callback=stop)
    assert starts(caplog.messages, STILL) == [STILL]
    train(config)
    assert starts(caplog.messages, STILL) == [STILL, STILL]  # the second is that of the end
    signs = json.loads((run / "summary.json").read_text())["signs"]
    caplog.clear()
    train(config)  # which evaluates once more
    assert starts(caplog.messages, STILL) == [STILL]
    assert json.loads((run / "summary.json").read_text())["signs"] == signs


def test_a_run_that_goes_well_says_nothing(
    options: list[str],
    stand_ins: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(
        "seq2seq.tasks.training.TrainingTask.least_updates", (4, "few models learn to attend")
    )
    monkeypatch.setattr("seq2seq.tasks.signs.MIN_UPDATES", 4)
    run = tmp_path / "run"
    train(compose([*options, f"run_dir={run}", "training.max_steps=6"]))
    ours = (record for record in caplog.records if record.name.startswith("seq2seq"))
    warnings = [record.getMessage() for record in ours if record.levelno >= logging.WARNING]
    assert [message for message in warnings if "BLEU counts" not in message] == []
    assert json.loads((run / "summary.json").read_text())["signs"] == []
