"""A run in use: where it cannot be written, and whatever its folder is called."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from seq2seq.config.compose import compose
from seq2seq.config.saved import load
from seq2seq.runs.train import train
from seq2seq.runs.use import average, load_run
from seq2seq.tasks.translation.evaluator import TranslationEvaluator
from seq2seq.training.reports.metrics_log import read_metrics
from tests.runs.conftest import METRICS


def test_a_run_that_cannot_be_written_is_evaluated(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Files where folders should be cannot be written to by anybody, `root` not excepted."""
    for folder in ("index", "predictions"):
        for path in (run / folder).rglob("*"):
            if path.is_file():
                path.unlink()
        (run / folder).rename(run / f"{folder} of old")
        (run / folder).touch()
    before = sorted(run.rglob("*"))
    opened = load_run(run)
    assert len(opened.index("val")) == 6
    assert opened.evaluate("test").metrics == METRICS
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [warning.split(";")[0] for warning in warnings] == [
        f"Indices are made in a temporary folder: The folder could not be written to {run}/index: File exists",
        f"The predictions are not kept: The folder could not be written to {run}/predictions: File exists",
    ]
    assert sorted(run.rglob("*")) == before


def test_a_run_is_measured_on_its_training_data(run: Path) -> None:
    opened = load_run(run)
    assert opened.evaluate("train").references == opened.evaluate("val").references
    assert opened.evaluator() is opened.evaluator()


@pytest.mark.parametrize("name", ["run [best]", "*?'\"=,#50% übung{}\n\\", os.fsdecode(b"latin-\xfc")])
def test_a_folder_of_any_name(
    name: str, options: list[str], stand_ins: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As it is typed, it is trained in, gone on with, evaluated and averaged."""
    caplog.set_level(logging.CRITICAL, "seq2seq")  # workers of pytest cannot send a name that is not UTF-8
    run = tmp_path / name
    assert train(compose([*options, f"run_dir={run}"])) == run
    assert train(load(run, ["training.max_steps=3"])) == run
    average(run, 2)
    opened = load_run(run, checkpoint="average-2")
    assert opened.evaluate("test").metrics == METRICS
    assert (run / "predictions" / "test.txt").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_callback_is_told_each_record_and_may_stop_the_run(
    options: list[str], stand_ins: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict] = []

    def stop_at_two(record: dict) -> None:
        told.append(record)
        if record["step"] == 2 and "loss" in record:
            raise KeyboardInterrupt

    config = compose([*options, f"run_dir={tmp_path}", "training.report_every=1", "training.max_steps=4"])
    with pytest.raises(KeyboardInterrupt, match=r"^Stopped after step 2, with a checkpoint\. Go on with: "):
        train(config, callback=stop_at_two)
    asked, evaluate = set(), TranslationEvaluator.evaluate
    monkeypatch.setattr(
        TranslationEvaluator, "evaluate", lambda self, index: asked.add(self) or evaluate(self, index)
    )
    train(config, callback=told.append)
    assert len(asked) == 1, "the graphs of validation are made again after training"
    assert told == list(read_metrics(tmp_path / "metrics.jsonl"))
    assert [record["step"] for record in told if "loss" in record] == [1, 2, 3, 4]
