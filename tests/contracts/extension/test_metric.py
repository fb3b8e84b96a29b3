"""A metric: a class, and a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2seq import cli
from seq2seq.config.compose import compose
from seq2seq.config.tables import METRICS
from seq2seq.errors import ConfigError
from seq2seq.metrics.metric import Validation
from seq2seq.tasks.evaluation import build_scorer
from tests.contracts.extension.conftest import Extended
from tests.contracts.extension.toys import added
from tests.runs.tiny import LINES


@pytest.mark.slow
def test_a_metric_goes_the_whole_way(
    extended: Extended, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    way = extended.way
    value = 100.0 * sum(map(str.__eq__, way.texts, way.run.evaluate("test").references)) / len(LINES)
    signature = f"case:mixed|texts:{len(LINES)}"
    assert way.exported.manifest["run"]["metrics"]["test"]["exact"] == value
    assert way.summary["test"]["exact"] == value
    assert way.summary["signatures"]["exact"] == signature
    order = way.run.task.training(way.run.tokenizers, tmp_path / "index").order
    shown = {"exact": 50.0, "chrf": 1.0, "loss": 2.0}
    assert order.shown(shown) == "exact match 50.00, chrF 1.00, loss 2.00"
    validated = Validation({**way.summary["validation"], "chrf": 99.0})
    assert order.compare(Validation(shown), validated) == (True, "exact", {})  # which picked the checkpoint

    capsys.readouterr()
    with pytest.raises(SystemExit):
        cli.main(["evaluate", str(way.run.folder.path), "task.lowercase_metric=true"])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("exact"))
    assert line.split() == ["exact", f"{value:.2f}", signature.replace("mixed", "lc")]


def test_it_is_measured_of_speech(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added("Metric", METRICS, "exact", monkeypatch)
    data = [f"data.{split}=table.tsv" for split in ("train", "val")]
    config = compose(["task=speech", *data, "task.extra_metrics=[exact,exact]"])
    scores = build_scorer(config.task)(["a b", "c"], ["a b", "d"])
    assert list(scores.scores) == list(scores.signatures) == ["wer", "cer", "exact"]
    assert scores.scores["exact"] == 50.0


def test_an_unknown_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added("Metric", METRICS, "exact", monkeypatch)
    for wrong, sentence in (
        ("task.extra_metrics=[wer,exakt]", r"task.extra_metrics=\[wer,exakt\]: must be a list, each of it one of"
                                           r" bleu, chrf, wer, cer, accuracy, macro_f1, loss, exact; did you mean"),
        ("task.metric=exact", r"not measured by task=translation; .*, or add task.extra_metrics=\[exact\]"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=sentence):
            compose([wrong])
