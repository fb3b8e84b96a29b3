from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from seq2seq.metrics.metric import MetricOrder
from seq2seq.training.reports import plots
from seq2seq.training.reports.plots import save_alignment, save_learning_curves

BLEU = MetricOrder.of("bleu")


@pytest.fixture(autouse=True)
def no_warnings():
    """Matplotlib warns of glyphs that it cannot draw."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # of what older releases of matplotlib call
        yield


def write_metrics(path: Path, steps: int) -> None:
    lines = []
    for step in range(1, steps + 1):
        report = {"loss": 5 / step, "perplexity": 90 / step, "learning_rate": 1e-3, "gradient_norm": 2.0}
        lines.append({"step": step, "epoch": 1, "time": 1.0, **report})
        lines.append({"step": step, "epoch": 1, "time": 1.0, "val_perplexity": None, "val_bleu": 3.0 * step})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def blue_pixels(path: Path) -> int:
    """Pixels of the colour of training curves."""
    red, green, blue = (imread(path)[..., channel] for channel in range(3))
    return int(((blue > 0.7) & (red < 0.4) & (green < 0.5)).sum())


def test_learning_curves_show_the_records(tmp_path: Path) -> None:
    write_metrics(tmp_path / "metrics.jsonl", steps=9)
    assert save_learning_curves(
        tmp_path / "metrics.jsonl", tmp_path / "plots" / "curves.png", order=BLEU, title="a $ run"
    )
    image = imread(tmp_path / "plots" / "curves.png")
    assert min(image.shape[:2]) > 600
    assert blue_pixels(tmp_path / "plots" / "curves.png") > 1000


def test_learning_curves_of_no_records_are_not_drawn(tmp_path: Path) -> None:
    assert not save_learning_curves(tmp_path / "metrics.jsonl", tmp_path / "curves.png", order=BLEU)
    assert not (tmp_path / "curves.png").exists()


def test_the_global_state_of_matplotlib_is_left_alone(tmp_path: Path) -> None:
    from matplotlib import _pylab_helpers, rcParams

    before = dict(rcParams)
    write_metrics(tmp_path / "metrics.jsonl", steps=3)
    save_learning_curves(tmp_path / "metrics.jsonl", tmp_path / "curves.png", order=BLEU)
    assert dict(rcParams) == before
    assert not _pylab_helpers.Gcf.figs


def test_alignments_are_drawn_where_the_weight_is(tmp_path: Path) -> None:
    def darkness(alignment: np.ndarray) -> np.ndarray:
        save_alignment(
            tmp_path / "alignment.png",
            source_pieces=["▁two", "▁dogs", "."],
            target_pieces=["▁zwei", "▁hunde", "."],
            alignment=alignment,
        )
        return imread(tmp_path / "alignment.png")[..., 0] < 0.1  # dark blue

    padded = np.zeros((5, 6))
    assert darkness(padded).sum() < darkness(padded + 1).sum() / 2
    padded[:3, :3] = np.eye(3)
    diagonal = darkness(padded)
    padded[:3, :3] = np.eye(3)[::-1]
    assert (diagonal != darkness(padded)).sum() > 1000


@pytest.mark.parametrize(
    "piece",
    ["$x$ $", "\\frac", "▁кошка", "你好", "שלום", "\U0001f600", "a\nb", "\x00", "", "\ufffd", "%s {x}"],
)
def test_any_piece_can_be_drawn(tmp_path: Path, piece: str) -> None:
    save_alignment(
        tmp_path / "alignment.png", source_pieces=[piece], target_pieces=[piece, "."],
        alignment=np.full((2, 1), 0.5), title=piece,
    )  # fmt: skip
    assert imread(tmp_path / "alignment.png").size


def test_characters_without_a_font_are_spelled_in_latin_letters_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plots.font_manager.fontManager, "ttflist", [])
    plots._fonts_for.cache_clear()
    plots._hint_at_font.cache_clear()
    with caplog.at_level(logging.INFO):
        assert plots._legible("a你b\U000e0fff")[0] == "aNib□"
        plots._legible("好")
    assert caplog.text.count("No font here holds characters of CJK") == 1
    plots._fonts_for.cache_clear()


def test_a_small_matrix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="smaller than 2 by 1 pieces"):
        save_alignment(
            tmp_path / "a.png", source_pieces=["a"], target_pieces=["b", "c"], alignment=np.ones((1, 1))
        )
