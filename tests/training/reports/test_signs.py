"""Signs are said once a run, however often it is stopped."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable
from pathlib import Path

import pytest

from seq2seq.metrics.metric import MetricOrder
from seq2seq.training.reports.signs import History, SignWatch, show
from tests.training.toy_task import make_loop

ORDER = MetricOrder.of("loss")


def high(history: History) -> str | None:
    loss = history.validations[-1]["loss"]
    return f"The loss is {loss:g}." if loss > 2 else None


def many(history: History) -> str | None:
    return "There are many." if len(history.validations) >= 3 else None


SIGNS = {"high": high, "many": many}

RECORDS = [
    {"step": 1, "cross_entropy": 4.0},
    {"step": 2, "val_loss": 1.0},
    {"step": 4, "val_loss": 5.0, "val_signs/a": None},
    {"step": 5, "cross_entropy": None},
    {"step": 6, "val_loss": 1.0},
    {"step": 8, "val_loss": 3.0},
]


def watch(metrics: Path) -> SignWatch:
    return SignWatch(SIGNS, ORDER, metrics)


def tell(watched: SignWatch, records: Iterable[dict[str, float | None]]) -> None:
    for record in records:
        (watched.report if "cross_entropy" in record else watched.validation)(record)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def write(metrics: Path, records: Iterable[dict[str, float | None]]) -> None:
    metrics.write_text("".join(f"{json.dumps(record)}\n" for record in records))


def test_a_history_is_what_was_measured() -> None:
    history = History(ORDER)
    assert [history.add(record) for record in RECORDS] == [False, True, True, False, True, True]
    assert history.validations[:1] == [{"step": 2, "train_loss": 4.0, "loss": 1.0}]
    second, third = history.validations[1:3]
    assert second["train_loss"] == 4.0 and math.isnan(second["signs/a"])
    assert math.isnan(third["train_loss"])
    assert show(SIGNS, History(ORDER)) == {}


def test_each_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = watch(tmp_path / "m.jsonl")
    watched.start(step=0, epoch=1, total_steps=8)
    tell(watched, RECORDS)
    assert messages(caplog) == ["The loss is 5.", "There are many."]


@pytest.mark.parametrize("stop", range(len(RECORDS)))
def test_a_run_that_goes_on_says_what_one_says_that_was_not_stopped(
    stop: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = tmp_path / "m.jsonl"
    first = watch(metrics)
    first.start(step=0, epoch=1, total_steps=8)
    tell(first, RECORDS[: stop + 1])
    write(
        metrics, [*RECORDS[: stop + 1], {"step": 9, "val_loss": 7.0}]
    )  # the last one is of after the checkpoint
    second = watch(metrics)
    second.start(step=int(RECORDS[stop]["step"] or 0), epoch=1, total_steps=8)
    tell(second, RECORDS[stop + 1 :])
    assert messages(caplog) == ["The loss is 5.", "There are many."]


def test_at_the_end_stands_what_holds_then(tmp_path: Path) -> None:
    metrics = tmp_path / "m.jsonl"
    write(metrics, RECORDS)
    assert watch(metrics).at_end(8) == ["The loss is 3.", "There are many."]
    assert watch(metrics).at_end(6) == ["There are many."]
    assert watch(metrics).at_end(3) == []
    assert watch(tmp_path / "missing.jsonl").at_end(8) == []


def test_a_loop_tells_of_its_validations(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = tmp_path / "metrics.jsonl"
    histories: list[History] = []
    watched = SignWatch({"all": lambda history: histories.append(history) or "Said."}, ORDER, metrics)
    make_loop(tmp_path, observers=[watched], max_steps=18).run()
    assert messages(caplog).count("Said.") == 1
    assert histories[-1].total_steps == 18
    assert [figures["step"] for figures in histories[-1].validations] == [6, 12, 18]
    reports = [
        record["cross_entropy"] for record in map(json.loads, metrics.open()) if "cross_entropy" in record
    ]
    assert [figures["train_loss"] for figures in histories[-1].validations] == [
        reports[0],
        reports[2],
        reports[3],
    ]
