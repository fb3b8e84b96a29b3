from __future__ import annotations

import json
from pathlib import Path

import pytest

from seq2seq.errors import UserError
from seq2seq.training.reports.metrics_log import MetricsLog, read_metrics


def log(path: Path, start: int, steps: list[int]) -> None:
    metrics = MetricsLog(path)
    metrics.start(step=start, epoch=1, total_steps=None)
    for step in steps:
        metrics.report({"step": step, "loss": 1 / step})
        metrics.validation({"step": step, "val_bleu": 2.0 * step})
    metrics.sync()
    metrics.close()


def test_one_line_for_each_record(tmp_path: Path) -> None:
    log(tmp_path / "m.jsonl", 0, [1, 2])
    lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert lines == [
        {"step": 1, "loss": 1.0},
        {"step": 1, "val_bleu": 2.0},
        {"step": 2, "loss": 0.5},
        {"step": 2, "val_bleu": 4.0},
    ]
    assert read_metrics(tmp_path / "m.jsonl") == lines


def test_going_on_drops_what_lies_ahead_and_a_torn_line(tmp_path: Path) -> None:
    log(tmp_path / "whole.jsonl", 0, [1, 2, 3, 4])
    log(tmp_path / "broken.jsonl", 0, [1, 2, 3])
    with (tmp_path / "broken.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    log(tmp_path / "broken.jsonl", 2, [3, 4])
    assert (tmp_path / "broken.jsonl").read_text() == (tmp_path / "whole.jsonl").read_text()


def test_nan_is_null(tmp_path: Path) -> None:
    metrics = MetricsLog(tmp_path / "m.jsonl")
    metrics.start(step=0, epoch=1, total_steps=None)
    metrics.report({"step": 1, "loss": float("nan"), "perplexity": float("inf")})
    metrics.close()
    assert (tmp_path / "m.jsonl").read_text() == '{"step": 1, "loss": null, "perplexity": null}\n'


def test_a_folder_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"m\.jsonl could not be written"):
        MetricsLog(tmp_path / "gone" / "m.jsonl").start(step=0, epoch=1, total_steps=None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_is_one_sentence_for_each_of_its_writes(tmp_path: Path) -> None:
    metrics = MetricsLog(tmp_path / "m.jsonl")
    metrics.start(step=0, epoch=1, total_steps=None)
    metrics._file.close()
    metrics._file = Path("/dev/full").open("a")  # noqa: SIM115
    with pytest.raises(
        UserError, match=r"m\.jsonl could not be written to .*: No space left on device; make room"
    ):
        metrics.report({"step": 1})
    with pytest.raises(UserError, match="No space left on device"):
        metrics.close()  # what the file still held
    metrics.close()


def test_no_file_holds_no_records(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "m.jsonl") == []
