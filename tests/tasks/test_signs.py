"""Each sign of a training that goes wrong: shown where it is planted, and silent where all is well."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest

from seq2seq.audio.augmentation import SpecAugment
from seq2seq.metrics.metric import MetricOrder
from seq2seq.tasks.data_report import unknown_note
from seq2seq.tasks.signs import few_updates, is_poor
from seq2seq.tasks.speech.signs import SPEECH_SIGNS, heavy_masks
from seq2seq.text.train import train_tokenizer
from seq2seq.training.reports.signs import History, show

TRANSLATION = MetricOrder.of("bleu", ["chrf", "loss"])
SPEECH = MetricOrder.of("wer", ["cer", "loss"])

WELL = {
    "signs/attention_on_last": 0.15,
    "signs/attention_on_commonest": 0.35,
    "signs/attention_entropy": 0.6,
    "signs/empty_outputs": 0.0,
    "signs/repeating_outputs": 0.05,
    "signs/same_outputs": 0.02,
    "signs/ctc_silent": 0.0,
}


def history(
    count: int = 4, order: MetricOrder = TRANSLATION, every: int = 300, **curves: list[float]
) -> History:
    """A run that gets better at each of its validations, but for the figures that are given, one a validation."""
    improving: dict[str, list[float]] = {
        "train_loss": [4.0 - 0.3 * n for n in range(count)],
        "loss": [4.0 - 0.2 * n for n in range(count)],
        **{name: [10.0 + n for n in range(count)] for name in ("bleu", "chrf")},
        **{name: [90.0 - n for n in range(count)] for name in ("wer", "cer")},
        **{name: [value] * count for name, value in WELL.items()},
        **curves,
    }  # fmt: skip
    validations: list[dict[str, float]] = [
        {"step": every * (n + 1), **{name: values[n] for name, values in improving.items()}} for n in range(count)
    ]  # fmt: skip
    return History(order, every * count, validations)


@pytest.mark.parametrize("order", [TRANSLATION, SPEECH])
@pytest.mark.parametrize("count", [1, 4, 20])
def test_a_run_that_goes_well_shows_none(order: MetricOrder, count: int) -> None:
    assert show(SPEECH_SIGNS, history(count, order)) == {}


def test_before_the_first_validation_nothing_is_known() -> None:
    assert show(SPEECH_SIGNS, History(TRANSLATION, 100)) == {}


STATISTICS = {
    "signs/attention_on_last": (0.93, "still_attention", "attends to the last position of a source with 93% of"),
    "signs/attention_on_commonest": (0.95, "still_attention", "attends to one position of a source with 95% of"),
    "signs/attention_entropy": (0.998, "still_attention", "attends to all of a source alike (entropy 100%"),
    "signs/empty_outputs": (0.3, "empty_outputs", "30% of the validation outputs are empty"),
    "signs/repeating_outputs": (0.4, "repeating_outputs", "40% of the validation outputs say the same words"),
    "signs/same_outputs": (0.6, "same_outputs", "60% of the validation outputs are one and the same text"),
    "signs/ctc_silent": (1.0, "silent_ctc", "nothing but blanks for 100% of the validation utterances"),
}  # fmt: skip


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_statistic_that_lasts_is_a_sign(statistic: str) -> None:
    bad, sign, sentence = STATISTICS[statistic]
    well = WELL[statistic]
    curves: dict[str, Any] = {statistic: [well, well, bad, bad]}
    shown = show(SPEECH_SIGNS, history(**curves))
    assert list(shown) == [sign]
    assert sentence in shown[sign]
    for values in ([bad, bad, well, bad], [bad, bad, bad, well], [bad, bad, bad, math.nan]):
        assert show(SPEECH_SIGNS, history(**{statistic: values})) == {}


@pytest.mark.parametrize("statistic", STATISTICS)
def test_no_statistic_is_a_sign_before_a_model_can_have_learnt(statistic: str) -> None:
    curves: dict[str, Any] = {statistic: [STATISTICS[statistic][0]] * 4}
    assert show(SPEECH_SIGNS, history(every=99, **curves)) == {}
    assert len(show(SPEECH_SIGNS, history(every=100, **curves))) == 1
    for every, total_steps, count in [(300, 2500, 0), (300, 2400, 1), (499, 9999, 0), (500, 9999, 1)]:
        planted = history(every=every, **curves)
        planted.total_steps = total_steps
        assert len(show(SPEECH_SIGNS, planted)) == count


def test_a_task_that_measures_nothing_else_shows_nothing_else() -> None:
    few = [{"step": 300 * n, "train_loss": 2.0, "loss": 2.0, "bleu": 5.0, "chrf": 9.0} for n in range(1, 9)]
    assert show(SPEECH_SIGNS, History(TRANSLATION, 2400, few)) == {}


# --- curves ---

RISING = {
    "loss": [3.0, 2.0, 2.1, 2.2, 2.3, 2.4],
    "train_loss": [3.0, 2.0, 1.5, 1.2, 1.0, 0.8],
    "bleu": [1.0, 9.0, 8.0, 9.0, 8.5, 8.9],
}


def test_overfitting() -> None:
    shown = show(SPEECH_SIGNS, history(6, **RISING))
    assert list(shown) == ["overfitting"]
    assert "risen from 2.00 (step 600) to 2.40 while the training loss fell to 0.80" in shown["overfitting"]


@pytest.mark.parametrize(
    "curves",
    [
        {"bleu": [1.0, 9.0, 8.0, 9.1, 8.5, 8.9]},  # BLEU goes on rising
        {"loss": [3.0, 2.0, 2.01, 2.02, 2.03, 2.04]},  # no more than noise
        {"loss": [3.0, 2.5, 2.0, 2.2, 2.3, 2.4]},  # not for long
        {"train_loss": [3.0, 2.0, 2.1, 2.2, 2.3, 2.4]},  # the training loss rises too: that is another fault
        {"train_loss": [math.nan] * 6},  # and no report was made
        {"loss": [math.nan] * 6},
    ],
)
def test_what_is_no_overfitting(curves: dict[str, list[float]]) -> None:
    assert show(SPEECH_SIGNS, history(6, **{**RISING, **curves})) == {}


def test_a_loss_that_was_not_finite_at_first_is_passed_over() -> None:
    loss = [math.nan, *RISING["loss"][1:]]
    assert list(show(SPEECH_SIGNS, history(6, **{**RISING, "loss": loss}))) == ["overfitting"]


def test_a_metric_that_cannot_move() -> None:
    shown = show(SPEECH_SIGNS, history(bleu=[0.0, 0.001, 0.0, 0.004]))
    assert list(shown) == ["stuck_metric"]
    assert "BLEU is 0.00" in shown["stuck_metric"]
    assert "look at chrF (10.00 at first, 13.00 now; task.metric=chrf)" in shown["stuck_metric"]
    shown = show(SPEECH_SIGNS, history(order=SPEECH, wer=[100.0, 130.0, 104.0, 100.0]))
    assert "look at CER (90.00 at first, 87.00 now; task.metric=cer)" in shown["stuck_metric"]
    shown = show(SPEECH_SIGNS, history(order=SPEECH, wer=[100.0] * 4, cer=[100.0] * 4))
    assert "look at loss (4.00 at first, 3.40 now; task.metric=loss)" in shown["stuck_metric"]


@pytest.mark.parametrize(
    "planted",
    [
        history(bleu=[0.0, 0.0, 0.0, 0.02]),
        history(bleu=[0.0, 0.2, 0.0, 0.0]),  # it can move
        history(3, bleu=[0.0] * 3),
        history(bleu=[0.0] * 4, loss=[2.0, 2.1, 2.0, 2.0]),  # nothing is learnt
        history(bleu=[0.0] * 4, every=99),
        History(TRANSLATION, 5000, history(bleu=[0.0] * 4).validations),  # the greater part is to come
        history(order=SPEECH, wer=[120.0, 101.0, 100.0, 99.9]),
        history(order=MetricOrder.of("loss")),
    ],
)
def test_a_metric_that_may_yet_move(planted: History) -> None:
    assert show(SPEECH_SIGNS, planted) == {}


# --- before the first update ---


def test_too_few_updates() -> None:
    few = partial(few_updates, max_minutes=None, least_updates=(400, "few models learn to attend"))
    assert few(400, 50, None) is None
    sentence = few(200, 20, None)
    assert sentence is not None
    assert "makes 200 updates" in sentence and "training.epochs=40" in sentence
    assert (few(200, 20, 900) or "").endswith("training.epochs=40, or smaller batches (data.batch.size).")
    assert (few(200, 300, 200) or "").endswith("training.max_steps=800.")
    assert (few(390, 300, 390, max_minutes=4.0) or "").endswith("training.max_minutes=9.")


@pytest.mark.parametrize(
    ("figures", "poor"),
    [
        ({"bleu": 3.0, "chrf": 41.0}, True),
        ({"bleu": 30.0, "chrf": 51.0}, False),
        ({"wer": 0.65, "cer": 0.3, "loss": 1.0}, False),
        ({"wer": 70.0}, True),
        ({"wer": math.nan}, True),
        ({}, False),
    ],
)
def test_who_has_not_learnt_much(figures: dict[str, float], poor: bool) -> None:
    assert is_poor(figures) is poor


def test_unknown_tokens() -> None:
    tokenizer = train_tokenizer(["a b"], kind="word", vocabulary_size=9)
    unknown = tokenizer.unknown_id
    assert list(unknown_note(np.array([unknown] + [5] * 99), tokenizer, "data.val's source")) == []
    (note,) = unknown_note(np.array([unknown] * 2 + [5] * 98), tokenizer, "data.val's source")
    assert note.startswith(
        "2.0% of data.val's source tokens are unknown: a larger data.tokenizer.vocabulary_size"
    )
    assert list(unknown_note(np.array([], int), tokenizer, "data.val's source")) == []


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [("bpe", "data.tokenizer.byte_fallback=true"), ("character", "that the training data lacks.")],
)
def test_unknown_characters(kind: str, remedy: str) -> None:
    """No vocabulary however large has a character that was never seen."""
    tokenizer = train_tokenizer(["ab ab ba"] * 9, kind=kind, vocabulary_size=8)
    (note,) = unknown_note(np.array(tokenizer.encode(["axby"])[0]), tokenizer, "data.val's")
    assert remedy in note and "vocabulary_size" not in note


@pytest.mark.parametrize(
    ("options", "masked"),
    [
        (dict(frequency_masks=2, frequency_width=15, time_masks=2, time_width=20), []),  # as shipped
        (
            dict(frequency_masks=2, frequency_width=27, time_masks=2, time_width=100),
            [],
        ),  # LibriSpeech's, capped
        (
            dict(time_masks=2, time_width=100, max_mask_ratio=1.0),
            ["75% of the frames of a median utterance (50)"],
        ),
        (dict(time_masks=10, time_width=100), ["65% of the frames of a median utterance (50)"]),
        (dict(frequency_masks=3, frequency_width=60), ["76% of the 80 bins"]),
        (dict(), []),
    ],
)
def test_masks_heavier_than_the_audio(options: dict[str, Any], masked: list[str]) -> None:
    notes = list(heavy_masks(SpecAugment(**options), np.array([20, 50, 400]), mel_bins=80))
    assert len(notes) == len(masked)
    assert all(text in note for text, note in zip(masked, notes))
