from __future__ import annotations

from collections.abc import Iterable

import pytest

from seq2seq.metrics.metric import MetricOrder, Validation
from seq2seq.training.patience import Patience

BLEU, LOSS = MetricOrder.of("bleu"), MetricOrder.of("loss")
ALL = MetricOrder.of("bleu", ("chrf", "loss"))


def stops(stopping: Patience, values: Iterable[float | tuple[float, ...]]) -> list[bool]:
    answers = []
    for value in values:
        each = value if isinstance(value, tuple) else (value,)
        stopping.update(Validation(dict(zip((metric.name for metric in stopping.order.metrics), each))))
        answers.append(stopping.exhausted)
    return answers


def test_stops_after_patience_validations_without_gain() -> None:
    stopping = Patience(patience=3, order=BLEU)
    assert stops(stopping, [1, 2, 2, 1, 3, 3, 3, 3]) == [False] * 7 + [True]


def test_min_delta_and_direction() -> None:
    stopping = Patience(patience=2, order=LOSS, min_delta=0.1)
    assert stops(stopping, [1.0, 0.95, 0.85, 0.8, 0.76]) == [False, False, False, False, True]


def test_nan_counts_as_no_gain() -> None:
    stopping = Patience(patience=2, order=LOSS)
    assert stops(stopping, [float("nan"), 1.0, float("nan"), float("nan")]) == [False, False, False, True]


def test_a_metric_that_stands_still_does_not_stop_a_model_that_learns() -> None:
    stopping = Patience(patience=2, order=ALL, min_delta=0.5)
    values = [(0.0, 0.0, 5.0), (0.0, 0.0, 4.0), (0.0, 9.0, 4.5), (0.0, 8.0, 4.4), (0.0, 9.0, 4.5)]
    assert stops(stopping, values) == [False, False, False, False, True]


def test_without_patience_it_never_stops() -> None:
    assert not any(stops(Patience(patience=None, order=BLEU), [1.0] * 9))


def test_restores_its_state() -> None:
    first = Patience(patience=3, order=ALL)
    stops(first, [(2.0, 1.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)])
    second = Patience(patience=3, order=ALL)
    second.restore(first.state())
    assert stops(second, [(2.0, 1.0, 1.0)]) == [True]


@pytest.mark.parametrize(("value", "best"), [((0.0, 1.0, 9.0), True), ((1.9, 99.0, 0.1), False)])
def test_restores_the_state_of_an_earlier_version(value: tuple[float, ...], best: bool) -> None:
    """It knew the first metric alone: with a tie in that, what is known is better than what is not."""
    stopping = Patience(patience=3, order=ALL)
    stopping.restore({"best": 0.0 if best else 2.0, "waited": 2})
    assert stops(stopping, [value]) == [not best]
    stopping.restore({"best": None, "waited": 0})
    assert stops(stopping, [value]) == [False]


def test_at_the_ceiling_every_validation_counts_and_the_loss_picks() -> None:
    stopping = Patience(patience=3, order=ALL)
    values = [
        (99.0, 99.0, 5.0),
        (100.0, 100.0, 1.0),
        (100.0, 100.0, 0.5),
        (100.0, 100.0, 0.4),
        (100.0, 100.0, 0.3),
    ]
    assert stops(stopping, values) == [False] * 4 + [True]
    assert stopping.best == Validation({"bleu": 100.0, "chrf": 100.0, "loss": 0.3})


def test_the_reason_is_of_the_comparison_that_was_hardest() -> None:
    patience = Patience(patience=None, order=ALL)
    deciders = []
    for values in [
        (2.0, 1.0, 1.0),
        (3.0, 1.0, 1.0),
        (3.0, 0.5, 1.0),
        (3.0, 1.0, 2.0),
        (1.0, 1.0, 1.0),
        (4.0, 1.0, 9.0),
    ]:
        patience.update(Validation(dict(zip(("bleu", "chrf", "loss"), values))))
        deciders.append(patience.verdict.metric)
    assert deciders == ["bleu", "bleu", "chrf", "loss", "loss", "bleu"]
    assert patience.validations == 6
