"""Pictures of a run: its learning curves, and where the decoder looked."""

from __future__ import annotations

import functools
import io
import logging
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from anyascii import anyascii
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import LogLocator, NullLocator

from seq2seq.files import make_folder, write_atomically
from seq2seq.metrics.metric import Metric, MetricOrder
from seq2seq.training.reports.metrics_log import read_metrics

logger = logging.getLogger(__name__)

_TRAINING = "#4269d0"
_VALIDATION = "#e1712b"
_GREY = "#6c737c"
_DEFAULT_FONT = "DejaVu Sans"  # ships with Matplotlib
_SQUARE = "\N{WHITE SQUARE}"
_MAX_TITLE = 80  # characters of a line
_FEW_POINTS = 8  # fewer are drawn as points, too: of one alone there is no line
_MAX_CELLS = 120  # longer sequences are cut in a picture


def save_learning_curves(
    metrics: str | Path, path: str | Path, *, order: MetricOrder, best_step: int = 0, title: str = ""
) -> bool:
    """Draws metrics.jsonl as a PNG: perplexity, the task's metric, the learning rate and the gradient's norm
    over steps.

    Args:
        metrics: the metrics.jsonl of a run.
        path: of the PNG.
        order: what picks the best checkpoint; its first metric is drawn.
        best_step: whose validation is marked; 0: none.

    Returns:
        False, and nothing drawn, where there is no record yet.
    """
    records = read_metrics(metrics)
    reports = [record for record in records if "loss" in record]
    metric = order.first
    validations = [record for record in records if f"val_{metric.name}" in record]
    if not records:
        return False
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    perplexity, quality, rate, norm = figure.subplots(2, 2, sharex=True).flat

    _curve(perplexity, reports, "perplexity", "training", _TRAINING)
    _curve(perplexity, validations, "val_perplexity", "validation", _VALIDATION, marker="o")
    perplexity.set_title("Perplexity")
    perplexity.set_yscale("log")
    perplexity.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    perplexity.yaxis.set_major_formatter("{x:g}")
    perplexity.yaxis.set_minor_locator(NullLocator())
    if reports and validations:
        perplexity.legend(frameon=False)

    _curve(quality, validations, f"val_{metric.name}", metric.label, _VALIDATION, marker="o")
    quality.set_title(f"Validation: {metric.label}")
    _mark_best(quality, validations, metric, best_step)

    _curve(rate, reports, "learning_rate", "learning rate", _TRAINING)
    rate.set_title("Learning rate")
    rate.yaxis.set_major_formatter("{x:g}")
    rate.set_ylim(bottom=0)

    _curve(norm, reports, "gradient_norm", "gradient norm", _TRAINING)
    norm.set_title("Norm of the gradient, before clipping")
    norm.set_ylim(bottom=0)

    for axes in (perplexity, quality, rate, norm):
        _tidy(axes)
    for axes in (rate, norm):
        axes.set_xlabel("step")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    if title:
        text, properties = _legible(title)
        figure.suptitle(text, **properties)
    _save(figure, Path(path))
    return True


def save_alignment(
    path: str | Path,
    *,
    source_pieces: Sequence[str],
    target_pieces: Sequence[str],
    alignment: np.ndarray,
    title: str = "",
    names: tuple[str, str, str] = ("source", "target", "attention"),
) -> None:
    """Draws the attention of one sentence as a PNG: a row for each target piece, a column for each source
    piece.

    Characters that no installed font holds are spelled in Latin letters, with a hint in the log; sequences are
    cut after 120 pieces.

    Args:
        path: of the PNG.
        alignment: [target, source] float, each row a distribution over the source; padding beyond the pieces
            is ignored.
        names: of the columns, the rows and the values.
    """
    source, target = list(source_pieces[:_MAX_CELLS]), list(target_pieces[:_MAX_CELLS])
    weights = np.asarray(alignment, dtype=np.float64)[: len(target), : len(source)]
    if weights.shape != (len(target), len(source)):
        raise ValueError(
            f"alignment {np.shape(alignment)} is smaller than {len(target)} by {len(source)} pieces"
        )
    if not source or not target:
        return
    cell = 0.32
    width, height = (max(2.4, cell * len(pieces)) for pieces in (source, target))
    figure = Figure(figsize=(min(width + 2.6, 40), min(height + 2.0, 40)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(weights, cmap="Blues", vmin=0.0, vmax=1.0, aspect="equal", interpolation="nearest")
    axes.xaxis.tick_top()
    for axis, pieces in ((axes.xaxis, source), (axes.yaxis, target)):
        texts, properties = zip(*map(_legible, pieces))
        axis.set_ticks(range(len(pieces)), texts)
        for label, of_label in zip(axis.get_ticklabels(), properties):
            label.set(**of_label)
    axes.tick_params(length=0, labelsize=9)
    for label in axes.xaxis.get_ticklabels():
        label.set(rotation=60, ha="left", rotation_mode="anchor")
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.set_xticks(np.arange(len(source) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(target) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#e6e8eb", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02, ticks=[0, 0.5, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)
    bar.set_label(names[2], size=9)
    if lines := textwrap.wrap(title, _MAX_TITLE):
        _, of_title = _legible("".join(lines))
        figure.suptitle("\n".join(_legible(line)[0] for line in lines), size=10, **of_title)
    _save(figure, Path(path))


def _curve(
    axes: Axes, records: Iterable[dict[str, Any]], name: str, label: str, color: str, marker: str = ""
) -> None:
    points = [(record["step"], record[name]) for record in records if record.get(name) is not None]
    if points:
        steps, values = zip(*points)
        marker = marker or ("o" if len(points) < _FEW_POINTS else "")
        axes.plot(steps, values, label=label, color=color, linewidth=1.6, marker=marker, markersize=3.5)


def _mark_best(axes: Axes, records: Iterable[dict[str, Any]], metric: type[Metric], step: int) -> None:
    values = [record[f"val_{metric.name}"] for record in records if record["step"] == step]
    if not values:
        return
    value = values[-1]
    axes.axhline(value, color=_VALIDATION, linewidth=0.8, linestyle=(0, (4, 4)), alpha=0.7)
    axes.plot([step], [value], marker="o", markersize=8, markerfacecolor="none", markeredgecolor=_VALIDATION)
    axes.annotate(
        f"best {value:.4g} at step {step:,}",
        (1.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(-4, -12 if metric.higher_is_better else 5),
        textcoords="offset points",
        horizontalalignment="right",
        size=8,
        color=_GREY,
    )


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_GREY)
    axes.tick_params(color=_GREY, labelsize=9)
    axes.grid(axis="y", color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.title.set(size=11, weight="bold", horizontalalignment="left", x=0.0)


def _save(figure: Figure, path: Path) -> None:
    content = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(
        content, format="png", dpi=130, facecolor="white", bbox_inches="tight", pad_inches=0.1
    )
    make_folder(path.parent)
    write_atomically(path, content.getvalue())


@functools.cache
def _characters_of(font: str) -> frozenset[int]:
    try:
        return frozenset(FT2Font(font).get_charmap())
    except (OSError, RuntimeError):  # a broken font file is no font
        return frozenset()


@functools.cache
def _hint_at_font(script: str) -> None:
    """Once in a process."""
    logger.info(
        "No font here holds characters of %s: pictures spell them in Latin letters; install one, such as Noto Sans.",
        script,
    )


@functools.lru_cache(maxsize=256)
def _fonts_for(characters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Families that together hold `characters`, the default first; and the characters that no font holds."""
    default = font_manager.findfont(_DEFAULT_FONT)
    missing = {character for character in characters if ord(character) not in _characters_of(default)}
    families = [_DEFAULT_FONT]
    fonts = sorted(
        font_manager.fontManager.ttflist, key=lambda font: (font.style != "normal", font.weight != 400)
    )
    for font in fonts:
        if not missing:
            break
        found = {character for character in missing if ord(character) in _characters_of(font.fname)}
        # The Last Resort font "holds" every character, with one picture for each script.
        if found and font.name not in families and not font.name.startswith("Last Resort"):
            families.append(font.name)
            missing -= found
    for script in sorted({unicodedata.name(character, "?").split()[0] for character in missing}):
        _hint_at_font(script)
    return tuple(families), frozenset(missing)


def _in_latin(character: str) -> str:
    spelled = anyascii(character)
    return spelled if spelled.strip() and spelled.isprintable() else _SQUARE


def _legible(words: str) -> tuple[str, dict[str, Any]]:
    """`words` with Latin letters for what no font holds, and the properties of a text of them.

    They choose the fonts, and keep dollar signs from being taken for mathematics.
    """
    families, missing = _fonts_for(frozenset(words))
    text = "".join(_in_latin(character) if character in missing else character for character in words)
    return text, {"family": families, "parse_math": False}


def save_utterance(
    path: str | Path,
    *,
    features: np.ndarray,
    hop: float,
    pieces: Sequence[str],
    alignment: np.ndarray | None,
    posteriors: np.ndarray | None,
    symbols: Callable[[int], str],
    blank_id: int,
    title: str = "",
) -> None:
    """Draws an utterance as a PNG: its features, and under them where the decoder attended and what CTC emits.

    Args:
        path: of the PNG.
        features: [T, M], log-mel.
        hop: seconds between two of them.
        pieces: what was recognised.
        alignment: [pieces and, maybe, more, S], or None.
        posteriors: [S, V] of CTC, or None.
        symbols: what an id of those is called.
        blank_id: its column is left out, the symbols that ever matter are drawn.
        title: above the picture.
    """
    panels = 1 + (alignment is not None) + (posteriors is not None)
    figure = Figure(figsize=(9, 2.6 * panels), layout="constrained")
    axes = iter(np.atleast_1d(figure.subplots(panels, 1, sharex=True)))
    extent = (0.0, len(features) * hop)
    spectrogram = next(axes)
    spectrogram.imshow(
        features.T, origin="lower", aspect="auto", cmap="magma", extent=(*extent, 0, features.shape[1])
    )
    spectrogram.set_ylabel("mel bin")
    text, properties = _legible(title)
    spectrogram.set_title(text, size=10, **properties)
    if alignment is not None:
        panel, rows = next(axes), list(pieces[:_MAX_CELLS])
        shown = alignment[: len(rows)] if len(rows) else alignment[:1]
        image = panel.imshow(
            shown, origin="upper", aspect="auto", cmap="Blues", extent=(*extent, len(shown), 0), vmin=0.0
        )
        figure.colorbar(image, ax=panel, fraction=0.03, pad=0.01).outline.set_visible(False)
        panel.set_yticks(np.arange(len(rows)) + 0.5)
        for tick, piece in zip(panel.set_yticklabels(rows, size=6), rows):
            text, properties = _legible(piece)
            tick.set(text=text, **properties)
        panel.set_ylabel("attention")
    if posteriors is not None:
        times = (np.arange(len(posteriors)) + 0.5) * extent[1] / max(1, len(posteriors))
        _draw_posteriors(next(axes), times, posteriors, symbols, blank_id)
    figure.axes[-1].set_xlabel("seconds")
    _save(figure, Path(path))


def _draw_posteriors(
    panel: Axes, times: np.ndarray, posteriors: np.ndarray, symbols: Callable[[int], str], blank_id: int
) -> None:
    """The likeliest symbols over time; arguments as for `save_utterance`, times `[S]` in seconds."""
    likeliest = [v for v in np.argsort(-posteriors.max(0)) if v != blank_id][:12]
    for symbol in likeliest:
        panel.plot(times, posteriors[:, symbol], linewidth=1.0, label=_legible(symbols(int(symbol)))[0])
    panel.plot(times, posteriors[:, blank_id], linewidth=0.8, color=_GREY, linestyle=":", label="blank")
    panel.set_ylim(0.0, 1.02)
    panel.set_ylabel("probability by CTC")
    legend = panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=7)
    for entry in legend.get_texts():
        entry.set(**_legible(entry.get_text())[1])
