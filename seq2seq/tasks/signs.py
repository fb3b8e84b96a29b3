"""Signs of a training that goes wrong, and what to do: a table of small functions of what the run has measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Callable

from seq2seq.metrics.metric import Loss
from seq2seq.tasks.statistics import PREFIX
from seq2seq.training.reports.signs import History, Sign

MIN_UPDATES = 400
"""In fewer updates from new weights few models learn to attend: the bundled samples take 100 (translation) and 250
(speech), 12,000 pairs of short sentences between 270 and 540."""

MAX_UPDATES = 2000
"""After so many updates, or half of the run where that is less, what a model does tells what will become of it."""

LASTING = 2
"""Validations in a row that show a sign before it is said."""

PATIENCE = 4
"""Validations in a row without anything better before the loss or the metric is a sign."""

STILL = 0.8
UNIFORM = 0.99
"""Of attention that does not move. Where it does, a sixth to two fifths of the tokens share a position; speech, whose
frames are many, comes down to three quarters of the greatest entropy, text to a fifth or two thirds."""

MAX_EMPTY = 0.2
MAX_REPEATING = 0.2
MAX_SAME = 0.5
MIN_RISE = 1.03
"""The loss on the validation data rises where it is so many times its least."""

_WORST = {"bleu": 0.0, "chrf": 0.0, "wer": 100.0, "cer": 100.0}
_POOR = {"bleu": 10.0, "chrf": 30.0, "wer": 50.0, "cer": 30.0}


def few_updates(
    updates: int,
    per_epoch: int,
    max_steps: int | None,
    max_minutes: float | None,
    least_updates: tuple[int, str],
) -> str | None:
    """Whether a run from new weights is too short to learn anything, before it begins.

    Args:
      updates: that it will make. per_epoch: of these.
      max_steps: what may end it before its last epoch.
      max_minutes: what its updates were laid out to fit.
      least_updates: that it takes, and what does not come about in fewer.
    """
    least, what = least_updates
    if updates >= least:
        return None
    longer = f"training.max_steps={2 * least}"
    if max_minutes is not None:
        longer = f"training.max_minutes={math.ceil(max_minutes * 2 * least / updates)}"
    elif max_steps is None or max_steps > updates:
        epochs = math.ceil(2 * least / max(per_epoch, 1))
        longer = f"training.epochs={epochs}, or smaller batches (data.batch.size)"
    return f"This run makes {updates:,} updates, and from new weights {what} in fewer than {least}: give it {longer}."


def is_poor(figures: Mapping[str, float]) -> bool:
    """Whether a model has not learnt much, by any of its figures, so that it may be for want of updates."""
    return any(
        name in figures and not (figures[name] < limit if _WORST[name] else figures[name] > limit)
        for name, limit in _POOR.items()
    )


# --- what the model does ---


def still_attention(history: History) -> str | None:
    """Attention that stays where it is, or that is everywhere at once."""
    for name, limit, where in (
        ("attention_entropy", UNIFORM, "all of a source alike (entropy {:.0%} of the greatest)"),
        ("attention_on_last", STILL, "the last position of a source with {:.0%} of its tokens"),
        ("attention_on_commonest", STILL, "one position of a source with {:.0%} of its tokens"),
    ):
        share = lasting(history, name, limit)
        if share is not None:
            return (
                f"The decoder attends to {where.format(share)}, so that outputs hardly depend on their sources: try"
                " smaller batches (data.batch.size) or more epochs, another optimizer.learning_rate or another"
                " model.decoder.attention.kind."
            )
    return None


def share_sign(name: str, limit: float, sentence: str) -> Sign:
    """A sign of one statistic that lasts at a limit; the sentence has a place for it."""

    def sign(history: History) -> str | None:
        share = lasting(history, name, limit)
        return None if share is None else sentence.format(share)

    return sign


repeating_outputs = share_sign(
    "repeating_outputs",
    MAX_REPEATING,
    "{:.0%} of the validation outputs say the same words over and over: the model is not trained enough"
    " (training.epochs), or does not attend; search=beam search.coverage_penalty=0.2 helps one that is.",
)
"""Outputs that say the same n-gram over and over."""

same_outputs = share_sign(
    "same_outputs",
    MAX_SAME,
    "{:.0%} of the validation outputs are one and the same text: the model takes no notice of its source."
    " Make sure that sources and targets belong together (`seq2seq check`), and try smaller batches"
    " (data.batch.size) or another optimizer.learning_rate.",
)
"""Outputs that are one sentence."""

empty_outputs = share_sign(
    "empty_outputs",
    MAX_EMPTY,
    "{:.0%} of the validation outputs are empty, and their references are not: look for empty targets in the"
    " training data (`seq2seq check`), and try more updates or search.min_length_ratio=0.2.",
)
"""Outputs without anything in them."""

# --- how the figures move ---


def overfitting(history: History) -> str | None:
    """A loss that rises on the validation data and falls on the training data, and nothing else gets better."""
    validations, metric = history.validations, history.order.first
    lowest = best = 0
    for n, figures in enumerate(validations):
        lowest = n if _better(Loss.gain, figures, validations[lowest], "loss") else lowest
        best = n if _better(metric.gain, figures, validations[best], metric.name) else best
    least, last = validations[lowest], validations[-1]
    if (
        len(validations) - 1 - max(lowest, best) < PATIENCE
        or not last["loss"] >= MIN_RISE * least["loss"]
        or not last["train_loss"] < least["train_loss"]
    ):
        return None
    return (
        f"The validation loss has risen from {least['loss']:.2f} (step {least['step']:,}) to {last['loss']:.2f} while"
        f" the training loss fell to {last['train_loss']:.2f}: the model learns its training data by heart."
        " More data, more dropout or a smaller model makes a better one; training.early_stopping.patience ends such a"
        " run early."
    )


def stuck_metric(history: History) -> str | None:
    """A metric at its worst value that cannot show what the loss shows."""
    metric, validations = history.order.first, history.validations
    first, last = validations[0], validations[-1]
    late = last["step"] >= max(MIN_UPDATES, history.total_steps / 2)
    if len(validations) < PATIENCE or not late or not last["loss"] < first["loss"]:
        return None
    if not all(_at_worst(figures, metric.name) for figures in validations):
        return None
    other = next((other for other in history.order.metrics if not _at_worst(last, other.name)), Loss)
    return (
        f"{metric.label} is {last[metric.name]:.2f} on the validation data after {last['step']:,} updates and cannot"
        f" show whether the model learns: look at {other.label} ({first[other.name]:.2f} at first,"
        f" {last[other.name]:.2f} now; task.metric={other.name})."
    )


SIGNS: dict[str, Sign] = {
    "still_attention": still_attention,
    "repeating_outputs": repeating_outputs,
    "same_outputs": same_outputs,
    "empty_outputs": empty_outputs,
    "overfitting": overfitting,
    "stuck_metric": stuck_metric,
}
"""By name; what a task does not measure shows nothing."""


def lasting(history: History, name: str, limit: float) -> float | None:
    """The newest value of a statistic that has reached a limit for some validations, of a model that should have
    learnt."""
    recent = [figures.get(f"{PREFIX}{name}", math.nan) for figures in history.validations[-LASTING:]]
    settled = history.validations[-1]["step"] >= min(max(MIN_UPDATES, history.total_steps / 2), MAX_UPDATES)
    return recent[-1] if settled and all(value >= limit for value in recent) else None


def _at_worst(figures: Mapping[str, float], name: str) -> bool:
    value, worst = round(figures[name], 2), _WORST.get(name)
    return worst is not None and (value >= worst if worst else value <= worst)


def _better(
    gain: Callable[[float, float], float], new: Mapping[str, float], old: Mapping[str, float], name: str
) -> bool:
    """Anything is better than NaN."""
    return not math.isnan(new[name]) and (math.isnan(old[name]) or gain(new[name], old[name]) > 0)
