"""Which of two validations is the better one."""

from __future__ import annotations

import pytest

from seq2seq.metrics.metric import MetricOrder

NAN, INF = float("nan"), float("inf")
TRANSLATION = MetricOrder.of("bleu", ("chrf", "loss"))
SPEECH = MetricOrder.of("wer", ("cer", "loss"))


def figures(order: MetricOrder, *values: float) -> dict[str, float]:
    return dict(zip((metric.name for metric in order.metrics), values))


@pytest.mark.parametrize(
    ("order", "new", "old", "better"),
    [
        # the metric decides
        (TRANSLATION, (30.0, 1.0, 9.0), (29.0, 99.0, 1.0), True),
        (TRANSLATION, (29.0, 99.0, 1.0), (30.0, 1.0, 9.0), False),
        (SPEECH, (29.0, 99.0, 9.0), (30.0, 1.0, 1.0), True),
        (SPEECH, (30.0, 1.0, 1.0), (29.0, 99.0, 9.0), False),
        # ties
        (TRANSLATION, (0.0, 60.0, 9.0), (0.0, 50.0, 1.0), True),
        (TRANSLATION, (0.0, 50.0, 1.0), (0.0, 60.0, 9.0), False),
        (TRANSLATION, (0.0, 0.0, 1.0), (0.0, 0.0, 2.0), True),
        (TRANSLATION, (100.0, 100.0, 2.0), (100.0, 100.0, 1.0), False),
        (TRANSLATION, (0.0, 0.0, 1.0), (0.0, 0.0, 1.0), False),
        (SPEECH, (100.0, 80.0, 2.0), (100.0, 90.0, 1.0), True),
        (SPEECH, (100.0, 90.0, 1.0), (100.0, 90.0, 2.0), True),
        # what two decimals do not show is a tie; a loss has all of its digits
        (TRANSLATION, (0.0, 60.0, 1.0), (0.004, 1.0, 1.0), True),
        (TRANSLATION, (0.0, 60.0, 1.0), (0.01, 1.0, 1.0), False),
        (TRANSLATION, (0.0, 0.0, 1.0), (0.0, 0.0, 1.0001), True),
        # what is not a number is never best
        (TRANSLATION, (NAN, 60.0, 1.0), None, False),
        (TRANSLATION, (50.0, 60.0, NAN), None, False),
        (TRANSLATION, (50.0, NAN, 1.0), (0.0, 1.0, 1.0), False),
        (SPEECH, (NAN, 1.0, 1.0), (100.0, 100.0, 9.0), False),
        (TRANSLATION, (0.0, 0.0, INF), None, True),
        (TRANSLATION, (0.0, 0.0, INF), (0.0, 0.0, INF), False),
        (TRANSLATION, (0.0, 0.0, 5.0), (0.0, 0.0, INF), True),
    ],
)
def test_the_first_metric_that_differs_decides(
    order: MetricOrder, new: tuple[float, ...], old: tuple[float, ...] | None, better: bool
) -> None:
    assert order.is_better(figures(order, *new), old and figures(order, *old)) is better


def test_a_gain_must_exceed_min_delta_and_a_tie_is_broken_by_any() -> None:
    old = figures(TRANSLATION, 20.0, 50.0, 2.0)
    assert not TRANSLATION.is_better(figures(TRANSLATION, 20.5, 60.0, 1.0), old, min_delta=0.5)
    assert TRANSLATION.is_better(figures(TRANSLATION, 20.51, 50.0, 2.0), old, min_delta=0.5)
    assert TRANSLATION.is_better(figures(TRANSLATION, 20.0, 50.1, 2.0), old, min_delta=0.5)
    assert not TRANSLATION.is_better(figures(TRANSLATION, 19.9, 60.0, 1.0), old, min_delta=0.5)


def test_what_is_known_is_better_than_what_is_not() -> None:
    assert TRANSLATION.is_better(figures(TRANSLATION, 0.0, 1.0, 2.0), {"bleu": 0.0})
    assert not TRANSLATION.is_better(figures(TRANSLATION, 0.0, 1.0, 2.0), {"bleu": 1.0})


def test_a_metric_breaks_no_tie_with_itself() -> None:
    names = [metric.name for metric in MetricOrder.of("chrf", ("chrf", "loss")).metrics]
    assert names == ["chrf", "loss"]
    assert [metric.name for metric in MetricOrder.of("loss", ("cer", "loss")).metrics] == ["loss", "cer"]


def test_figures_are_shown_with_their_labels() -> None:
    assert TRANSLATION.shown(figures(TRANSLATION, 31.254, 52.1, 1.837)) == "BLEU 31.25, chrF 52.10, loss 1.84"
