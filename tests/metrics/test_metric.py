"""Which of two validations is the better one."""

from __future__ import annotations

import pytest

from seq2seq.metrics.metric import MetricOrder, Validation, Verdict

NAN, INF = float("nan"), float("inf")
TRANSLATION = MetricOrder.of("bleu", ("chrf", "loss"))
SPEECH = MetricOrder.of("wer", ("cer", "loss"))


def validation(order: MetricOrder, *values: float) -> Validation:
    return Validation(dict(zip((metric.name for metric in order.metrics), values)))


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
    assert order.compare(validation(order, *new), old and validation(order, *old)).better is better


def test_a_gain_must_exceed_min_delta_and_a_tie_is_broken_by_any() -> None:
    old = validation(TRANSLATION, 20.0, 50.0, 2.0)

    def better(*values: float) -> bool:
        return TRANSLATION.compare(validation(TRANSLATION, *values), old, min_delta=0.5).better

    assert not better(20.5, 60.0, 1.0)
    assert better(20.51, 50.0, 2.0)
    assert better(20.0, 50.1, 2.0)
    assert not better(19.9, 60.0, 1.0)


def test_what_is_known_is_better_than_what_is_not() -> None:
    new = validation(TRANSLATION, 0.0, 1.0, 2.0)
    assert TRANSLATION.compare(new, Validation({"bleu": 0.0})).better
    assert not TRANSLATION.compare(new, Validation({"bleu": 1.0})).better


def noisy(values: tuple[float, ...], spread: tuple[float, float], sign: int = 1) -> Validation:
    """Of BLEU, chrF and loss; the standard error of a difference from another of the other sign is `spread`."""
    samples = {
        name: [value + sign * deviation, value - sign * deviation]
        for name, value, deviation in zip(("bleu", "chrf"), values, (spread[0] / 2, spread[1] / 2))
    }
    return Validation(dict(zip(("bleu", "chrf", "loss"), values)), samples)


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ((30.9, 1.0, 9.0), (False, "chrf")),  # BLEU would have to differ by more than 2 * 0.5
        ((31.1, 1.0, 9.0), (True, "bleu")),
        ((28.9, 99.0, 1.0), (False, "bleu")),
        ((29.1, 52.1, 9.0), (True, "chrf")),  # chrF by more than 2 * 1.0
        ((29.1, 51.9, 9.0), (False, "loss")),
        ((29.1, 48.1, 1.9), (True, "loss")),
        ((30.5, 51.0, 2.0), (False, "")),
    ],
)
def test_a_difference_within_the_noise_decides_nothing(
    new: tuple[float, ...], verdict: tuple[bool, str]
) -> None:
    old, spread = (30.0, 50.0, 2.0), (0.5, 1.0)
    found = TRANSLATION.compare(noisy(new, spread), noisy(old, spread, sign=-1))
    assert (found.better, found.metric) == verdict
    passed = {"bleu": 1.0, "chrf": 2.0, "loss": 0.0}
    before = list(passed).index(found.metric) if found.metric else 3
    assert found.noise == pytest.approx(dict(list(passed.items())[:before]))


def test_noise_counts_before_min_delta() -> None:
    old = noisy((30.0, 50.0, 2.0), (0.5, 0.1), sign=-1)

    def better(*values: float) -> bool:
        return TRANSLATION.compare(noisy(values, (0.5, 0.1)), old, min_delta=3.0).better

    assert better(30.9, 51.0, 2.0)  # by chrF
    assert not better(32.9, 51.0, 2.0)
    assert better(33.1, 51.0, 2.0)


def test_steps_within_the_noise_do_not_lead_down() -> None:
    """BLEU falls by 0.6 of its noise each time, the loss with it."""
    first, second = noisy((30.0, 50.0, 2.0), (0.5, 0.1)), noisy((29.4, 50.0, 1.9), (0.5, 0.1), -1)
    verdict = TRANSLATION.compare(second, first)
    assert (verdict.better, verdict.metric) == (True, "loss")
    standard = TRANSLATION.standard(second, first, verdict)
    assert standard.figures == {"bleu": 30.0, "chrf": 50.0, "loss": 1.9}
    assert standard.samples["bleu"] == first.samples["bleu"]
    third = noisy((28.8, 50.0, 1.8), (0.5, 0.1))
    assert TRANSLATION.compare(third, standard)[:2] == (False, "bleu")
    assert TRANSLATION.compare(
        third, noisy((29.4, 50.0, 1.9), (0.5, 0.1), -1)
    ).better  # which it would else be


def test_the_ceiling() -> None:
    assert TRANSLATION.at_ceiling(
        validation(TRANSLATION, 99.999, 100.0, 1.0)
    )  # sacreBLEU's 100 is one of floats
    assert not TRANSLATION.at_ceiling(validation(TRANSLATION, 99.9, 100.0, 0.0))
    assert SPEECH.at_ceiling(validation(SPEECH, 0.0, 1.0, 1.0))
    assert not SPEECH.at_ceiling(validation(SPEECH, 100.0, 100.0, 1.0))
    assert not MetricOrder.of("loss").at_ceiling(Validation({"loss": 0.0}))


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict(True, "bleu"), "BLEU 0.40 decided"),
        (
            Verdict(True, "chrf", {"bleu": 0.5}),
            "chrF 100.00 decided; BLEU 0.40 differs by less than its noise (±0.50)",
        ),
        (
            Verdict(False, "loss", {"bleu": 0.0, "chrf": 0.2}),
            "loss 1.25 decided; BLEU 0.40 is equal to another's and chrF 100.00 cannot be better",
        ),
    ],
)
def test_the_reason_in_words(verdict: Verdict, reason: str) -> None:
    figures = {"bleu": 0.4, "chrf": 100.0, "loss": 1.25, "perplexity": 3.5}
    assert TRANSLATION.reason(verdict, figures) == reason


def test_a_metric_breaks_no_tie_with_itself() -> None:
    names = [metric.name for metric in MetricOrder.of("chrf", ("chrf", "loss")).metrics]
    assert names == ["chrf", "loss"]
    assert [metric.name for metric in MetricOrder.of("loss", ("cer", "loss")).metrics] == ["loss", "cer"]


def test_figures_are_shown_with_their_labels() -> None:
    assert (
        TRANSLATION.shown(validation(TRANSLATION, 31.254, 52.1, 1.837).figures)
        == "BLEU 31.25, chrF 52.10, loss 1.84"
    )
