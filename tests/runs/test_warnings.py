"""What a run says where its evaluation means nothing."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from seq2seq.config.compose import compose
from seq2seq.runs.train import train
from seq2seq.tasks.statistics import LossPass
from seq2seq.tasks.translation.evaluator import TranslationEvaluator
from seq2seq.tasks.translation.translator import Prediction, Translator
from seq2seq.training.step import StepReport, TrainStep
from tests.runs.tiny import LINES

REPORT = StepReport(1.0, 1.0, 1.0, 1e-3, 10.0, 1.0, finite=True, stop=False)


@pytest.mark.parametrize(
    ("loss", "output", "said"),
    [
        (1.0, "a dog runs fast", []),
        (1.0, "", ["data.test: All 6 outputs are empty."]),
        (1.0, "  ", ["data.test: All 6 outputs are empty."]),
        (
            float("nan"),
            "a dog runs fast",
            ["No validation gave numbers (NaN in all): the newest checkpoint stands for the best one."],
        ),
    ],
)
def test_a_run_whose_evaluation_means_nothing(
    loss: float,
    output: str,
    said: list[str],
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    predictions = [Prediction([output], [0.0], [], ["a"], None) for _ in LINES]
    monkeypatch.setattr(TrainStep, "__call__", lambda *_, **__: REPORT)
    losses = LossPass({"loss": loss, "perplexity": loss}, {})
    monkeypatch.setattr(TranslationEvaluator, "losses", lambda *_: losses)
    monkeypatch.setattr(Translator, "predict_index", lambda *_: predictions)
    run = train(compose([*options, f"run_dir={tmp_path / 'run'}"]))
    ours = (record for record in caplog.records if record.name.startswith("seq2seq"))
    warnings = [record.getMessage() for record in ours if record.levelno >= logging.WARNING]
    passed_over = ("BLEU counts", "This run makes 2 updates")
    assert [line for line in warnings if not any(text in line for text in passed_over)] == said
    assert (run / "predictions" / "test.txt").read_text() == f"{output}\n" * 6
    summary = json.loads((run / "summary.json").read_text())
    assert summary["checkpoint"] == "best"
    assert bool(summary["validation"]) == (loss == loss)
    assert summary["test"]["loss"] == (loss if loss == loss else None)  # JSON has no NaN
