"""What `seq2seq tune` finds: how a run is searched best, by its own metric, coordinate by coordinate.

Weights (of CTC, of a language model, of penalties) are tried in a beam that is wide enough for them to matter; then the
narrowest beam is taken that is no worse. Where two settings differ by no more than the noise of the data
(`MetricOrder`), the cheaper one stays, or the one that the run has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.config.groups.task import LOSS
from seq2seq.config.ranges import shown
from seq2seq.config.saved import load
from seq2seq.errors import UserError
from seq2seq.metrics.bootstrap import noise_of_difference
from seq2seq.metrics.metric import MetricOrder, Validation
from seq2seq.runs.use import Run
from seq2seq.tasks.evaluation import SearchEvaluator

WIDTHS = (1, 2, 3, 5, 8)
WIDE = 5
"""Hypotheses that are followed while weights are tried, at least."""

WEIGHTS: dict[str, tuple[float, ...]] = {
    "ctc_weight": (0.1, 0.2, 0.3, 0.5, 0.7),
    "language_model_weight": (0.0, 0.1, 0.2, 0.3, 0.5),
    "length_penalty": (0.0, 0.5, 0.8, 1.0, 1.2, 1.5),
    "coverage_penalty": (0.0, 0.1, 0.2, 0.4),
}
TUNED = ("name", "beam_width", *WEIGHTS)
COMBINATION = ("ensemble", "ensemble_mean", "language_model")


class Trial(NamedTuple):
    """A search, and what it gives.

    Attributes:
      search: the setting.
      validation: its figures.
      seconds: that it took, graphs included.
    """

    search: SearchConfig
    validation: Validation
    seconds: float

    @property
    def width(self) -> int:
        return self.search.width

    @property
    def is_fused(self) -> bool:
        """Whether there is a language model in it."""
        return self.search.language_model is not None and self.search.language_model_weight > 0.0


class Tuned(NamedTuple):
    """What was found.

    Attributes:
      before, after: the run's own setting and the one to go on with; the same one where nothing is better.
      sentence: what became better and by how much.
    """

    before: Trial
    after: Trial
    sentence: str

    @property
    def changes(self) -> dict[str, Any]:
        """What is otherwise, by the keys of ``search``."""
        names = (
            name for name in TUNED if getattr(self.before.search, name) != getattr(self.after.search, name)
        )
        return {name: getattr(self.after.search, name) for name in names}


def metric_order(run: Run) -> MetricOrder:
    """The run's metric, then the others of its task; the loss does not depend on the search."""
    task = run.config.task
    own = [task.metric] if task.metric != LOSS else []
    return MetricOrder.of([*own, *task.metrics][0], task.metrics)


def random_rows(count: int, chosen: int | None, seed: int) -> list[int] | None:
    """So many of ``count`` rows, in their order, drawn by a seed; None: all."""
    if chosen is None or chosen >= count:
        return None
    return sorted(np.random.default_rng(seed).choice(count, chosen, replace=False).tolist())


def tune(run: Run, split: str = "val", rows: int | None = None, say: Callable[[str], None] = print) -> Tuned:
    """Finds the setting of a run's search.

    Args:
      run: with whatever else is to hold (``search.language_model``, …).
      split: measured on.
      rows: so many of it, drawn by the run's seed; None: all.
      say: is given the lines of a table as they come.

    Raises:
      UserError: there is nothing to tune.
    """
    _refuse(run)
    index, order = run.index(split), metric_order(run)
    chosen = random_rows(len(index), rows, run.config.seed)
    count = len(index) if chosen is None else len(chosen)
    say(
        f"{split}: {count:,} of {len(index):,} {index.unit}, by {', then '.join(m.label for m in order.metrics)}"
    )
    say(f"{'':<28} {' '.join(f'{metric.label:>8}' for metric in order.metrics)}  seconds")

    def measured(search: SearchConfig, label: str) -> Trial:
        started = time.perf_counter()
        with _without_retracing_warnings():
            evaluator = run.evaluator(search)
            if not isinstance(evaluator, SearchEvaluator):
                raise UserError(f"{run.folder.path}: a run of task={run.task.name} cannot be tuned.")
            scores = evaluator.scores(index, chosen)
        trial = Trial(search, Validation(scores.scores, scores.samples), time.perf_counter() - started)
        figures = " ".join(f"{scores.scores[metric.name]:8.2f}" for metric in order.metrics)
        say(f"{label:<28} {figures} {trial.seconds:8.1f}")
        return trial

    before = measured(replace(run.config.search, n_best=1), "as it is")
    after = _descend(before, measured, order, run)
    return Tuned(before, after, _sentence(before, after, order))


def _refuse(run: Run) -> None:
    config = run.config
    if not config.task.searches:
        raise UserError(f"{run.folder.path} is a run of task={config.task.name}, which does not search.")
    if config.search.name is SearchName.sampling:
        raise UserError("search.name=sampling: draws at random; tune with search=beam or search=greedy.")


def _descend(
    before: Trial, measured: Callable[[SearchConfig, str], Trial], order: MetricOrder, run: Run
) -> Trial:
    """One coordinate after the other."""
    trials = {_key(before.search): before}

    def trial(search: SearchConfig, name: str) -> Trial:
        key = _key(search)
        if key not in trials:
            trials[key] = measured(search, f"{name}={shown(getattr(search, name))}")
        return trials[key]

    best = trial(_with_width(before.search, max(WIDE, before.width)), "beam_width")
    for name in _weights(run):
        tried = []
        for value in WEIGHTS[name]:
            changed: dict[str, Any] = {name: value}
            tried.append(trial(replace(best.search, **changed), name))
        none = [each for each in tried if name == "language_model_weight" and not each.is_fused]
        best = choose(order, [*none, best], [best, *tried])
    widths = sorted({*WIDTHS, before.width})
    tried = [trial(_with_width(best.search, width), "beam_width") for width in widths]
    after = choose(order, tried, tried)
    if after.search.name is SearchName.greedy:  # for which penalties are nothing
        own = {name: getattr(before.search, name) for name in ("length_penalty", "coverage_penalty")}
        after = after._replace(search=replace(after.search, **own))
    if _key(after.search) == _key(before.search):
        return before
    cheaper_first = sorted([before, after], key=lambda each: (each.width, each.is_fused))
    return choose(order, cheaper_first, [before, after])


def _key(search: SearchConfig) -> tuple[Any, ...]:
    return tuple(getattr(search, name) for name in TUNED)


def _with_width(search: SearchConfig, width: int) -> SearchConfig:
    return replace(search, name=SearchName.greedy if width == 1 else SearchName.beam, beam_width=width)


def _weights(run: Run) -> Iterator[str]:
    """What this run's search has besides its width."""
    trained = getattr(run.config.task, "ctc_weight", 0.0)
    own = run.config.search.ctc_weight
    if (trained if own is None else own) == 1.0:  # CTC alone has nothing but a width
        return
    for name in WEIGHTS:
        if name == "ctc_weight" and not trained:
            continue
        if name == "language_model_weight" and run.language_model is None:
            continue
        yield name


def choose(order: MetricOrder, preferred: Sequence[Trial], trials: Sequence[Trial]) -> Trial:
    """The first of ``preferred`` that the best of ``trials`` does not beat by more than noise; else that best one."""

    def figures(trial: Trial) -> tuple[float, ...]:
        return tuple(
            trial.validation.figures[metric.name] * (1.0 if metric.higher_is_better else -1.0)
            for metric in order.metrics
        )

    best = max(trials, key=figures)
    enough = (each for each in preferred if not order.compare(best.validation, each.validation).better)
    return next(enough, best)


def _sentence(before: Trial, after: Trial, order: MetricOrder) -> str:
    if after is before:
        return "No setting is better by more than the noise of this data; the run keeps its own."
    figures = []
    for metric in order.metrics:
        old, new = before.validation.figures[metric.name], after.validation.figures[metric.name]
        samples = (each.validation.samples.get(metric.name, ()) for each in (after, before))
        noise = noise_of_difference(*samples)
        figures.append(f"{metric.label} {old:.2f} → {new:.2f} ({new - old:+.2f}, noise ±{noise:.2f})")
    verdict = order.compare(after.validation, before.validation)
    if verdict.better:
        return f"Better: {', '.join(figures)}."
    return f"No worse, and cheaper (a beam of {after.width}, not {before.width}): {', '.join(figures)}."


def to_write(run: Run, tuned: Tuned) -> dict[str, Any]:
    """What the run's search.yaml is to hold: what was found and is otherwise than in config.yaml; nothing where the run
    is searched like this already. A language model of weight 0 is none."""
    own, stored = load(run.folder.config).search, load(run.folder.config, tuned=True).search
    found = tuned.after.search
    changed: dict[str, Any] = {"ensemble": [_absolute(path) for path in found.members] or None}
    if found.language_model is not None and found.language_model_weight:
        changed["language_model"] = _absolute(found.language_model)
    else:
        changed |= {"language_model": None, "language_model_weight": own.language_model_weight}
    values = _values(replace(found, **changed))
    if values == _values(stored):
        return {}
    return {name: value for name, value in values.items() if value != _values(own)[name]}


def _values(search: SearchConfig) -> dict[str, Any]:
    values = {name: getattr(search, name) for name in (*TUNED, *COMBINATION)}
    return {name: str(value) if isinstance(value, str) else value for name, value in values.items()}


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


@contextmanager
def _without_retracing_warnings() -> Iterator[None]:
    """Each setting is a graph of its own, which TensorFlow warns of."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)
