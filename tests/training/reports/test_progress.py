"""What a person reads, as whole lines: in a log, and on a terminal of 100 columns."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path

import pytest
from rich.console import Console

from seq2seq.training.reports.metrics_log import read_metrics
from seq2seq.training.reports.progress import ProgressBar, ProgressLines, progress
from tests.training.toy_task import make_loop

RECORD = {
    "step": 4, "epoch": 1, "loss": 2.0, "perplexity": 7.389, "tokens_per_second": 1234.5, "learning_rate": 1e-3,
}  # fmt: skip


class Terminal:
    """A bar on a screen, without colours."""

    def __init__(self, width: int = 100) -> None:
        self._file = io.StringIO()
        console = Console(file=self._file, force_terminal=True, width=width, color_system=None)
        bar = progress(console)
        assert isinstance(bar, ProgressBar)
        self.bar = bar

    def lines(self) -> list[str]:
        """What was ever shown, in its order, each line once in a row; the bar itself as `━`."""
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._file.getvalue())
        lines = [re.sub(" [━╸╺ ]{3,}", " ━ ", line).rstrip() for line in re.split(r"[\r\n]+", text)]
        return [line for n, line in enumerate(lines) if line and (n == 0 or line != lines[n - 1])]


def advance(
    bar: ProgressBar, step: int, epoch: int = 1, total_steps: int | None = 20, loss: float | None = 1.5
) -> None:
    bar.advance(step=step, epoch=epoch, total_steps=total_steps, loss=loss, tokens_per_second=1234.5)


def test_a_fresh_start_shows_dashes_for_what_is_not_known() -> None:
    terminal = Terminal()
    terminal.bar.start(step=0, epoch=1, total_steps=20)
    terminal.bar.close()
    assert terminal.lines() == ["epoch 1 ━ step 0/20 loss – – tokens/s -:--:-- left"]


def test_a_resume_shows_where_it_is() -> None:
    terminal = Terminal()
    terminal.bar.start(step=12, epoch=3, total_steps=20)
    terminal.bar.close()
    assert terminal.lines() == ["epoch 3 ━ step 12/20 loss – – tokens/s -:--:-- left"]


def test_at_the_end_no_time_is_left() -> None:
    terminal = Terminal()
    terminal.bar.start(step=18, epoch=2, total_steps=20)
    advance(terminal.bar, 19)
    advance(terminal.bar, 20, epoch=2)
    terminal.bar.close()
    assert terminal.lines()[-1] == "epoch 2 ━ step 20/20 loss 1.500 1,234 tokens/s 0:00:00 left"


def test_an_end_that_moves_moves_the_total() -> None:
    terminal = Terminal()
    terminal.bar.start(step=0, epoch=1, total_steps=20)
    advance(terminal.bar, 21, epoch=2, total_steps=22)
    advance(terminal.bar, 22, epoch=2, total_steps=22)
    terminal.bar.close()
    assert terminal.lines()[-1] == "epoch 2 ━ step 22/22 loss 1.500 1,234 tokens/s 0:00:00 left"


def test_a_run_without_an_end() -> None:
    terminal = Terminal()
    terminal.bar.start(step=0, epoch=1, total_steps=None)
    advance(terminal.bar, 21, total_steps=None)
    terminal.bar.close()
    assert terminal.lines()[-1] == "epoch 1 ━ step 21 loss 1.500 1,234 tokens/s"


def test_a_validation_is_shown_while_it_goes_on_and_above_the_bar() -> None:
    terminal = Terminal()
    terminal.bar.start(step=0, epoch=1, total_steps=4)
    advance(terminal.bar, 4, total_steps=4)
    terminal.bar.validating()
    terminal.bar.validation({"step": 4, "epoch": 1, "val_loss": 2.1034, "val_bleu": 34.3})
    terminal.bar.close()
    assert terminal.lines()[1:] == [
        "epoch 1 ━ step 4/4 loss 1.500 validating 0:00:00 left",
        "epoch 1 ━ step 4/4 loss 1.500 1,234 tokens/s 0:00:00 left",
        "epoch 1 · step 4 · loss 2.1034 · bleu 34.30",
        "epoch 1 ━ step 4/4 loss 1.500 1,234 tokens/s 0:00:00 left",
    ]


@pytest.mark.parametrize("max_steps", [14, 30])
def test_a_run_on_a_terminal(tmp_path: Path, max_steps: int) -> None:
    """Ended by steps, within an epoch, or by epochs; then resumed."""
    for stop in (5, max_steps):
        terminal = Terminal()
        make_loop(tmp_path, observers=[terminal.bar], max_steps=stop, max_epochs=2).run()
    first, *_, last = terminal.lines()
    end = min(max_steps, 20)
    assert first == f"epoch 1 ━ step 5/{end} loss – – tokens/s -:--:-- left"
    assert re.fullmatch(rf"epoch 2 ━ step {end}/{end} loss \d\.\d{{3}} [\d,]+ tokens/s 0:00:00 left", last)
    assert not [line for line in terminal.lines() if "nan" in line]


@pytest.mark.parametrize("ends", [{"max_steps": 8}, {"max_steps": None, "max_epochs": 1}], ids=str)
def test_lines_where_there_is_no_terminal(
    tmp_path: Path, ends: dict, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seq2seq")
    lines = progress(Console(force_terminal=False))
    assert isinstance(lines, ProgressLines)
    make_loop(tmp_path, observers=[lines], **ends).run()
    records = read_metrics(tmp_path / "metrics.jsonl")
    total = ends["max_steps"] or 10
    assert re.fullmatch(
        rf"epoch 1 · step 4/{total} · loss {records[0]['loss']:.4f} · perplexity {records[0]['perplexity']:.2f}"
        rf" · [\d,]+ tokens/s · learning rate 4\.00e-02",
        caplog.messages[0],
    )
    validation = f"loss {records[1]['val_loss']:.4f} · perplexity {records[1]['val_perplexity']:.2f}"
    assert caplog.messages[1] == f"epoch 1 · step 6 · validation: {validation}"


def test_a_resume_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seq2seq")
    make_loop(tmp_path, max_steps=5).run()
    assert caplog.messages == []
    make_loop(tmp_path, max_steps=7).run()
    assert caplog.messages == ["Going on after step 5."]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "loss 2.0000 · perplexity 7.39 · "),
        ({"skipped_updates": 3}, "loss 2.0000 · perplexity 7.39 · 3 updates skipped: no finite gradient in float16 · "),
        (
            {"skipped_updates": 4, "loss": None, "perplexity": None},
            "every update skipped: no finite gradient in float16 · ",
        ),
    ],
    ids=["none", "some", "all"],
)  # fmt: skip
def test_skipped_updates_are_told(changes: dict, expected: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seq2seq")
    ProgressLines().report({**RECORD, **changes})
    assert caplog.messages == [f"epoch 1 · step 4 · {expected}1,234 tokens/s · learning rate 1.00e-03"]
