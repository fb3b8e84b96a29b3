"""What a validation sees of a model beside its metrics."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.tasks.speech.statistics import ctc_statistics, silent_sums
from seq2seq.tasks.statistics import add_up, attention_statistics, attention_sums, output_statistics

# --- attention ---


def one_hot(*positions: int, size: int = 6) -> np.ndarray:
    """``[T, S]``: a step looks at one position alone."""
    return np.eye(size, dtype=np.float32)[list(positions)]


def statistics_of(alignments: np.ndarray, source_length: int, target_length: int) -> dict[str, float]:
    sums = attention_sums(
        tf.constant(alignments[np.newaxis]), tf.constant([source_length]), tf.constant([target_length])
    )
    return attention_statistics(sums.numpy())


@pytest.mark.parametrize(
    ("alignments", "on_last", "on_commonest", "entropy"),
    [
        pytest.param(one_hot(0, 1, 2, 4, 4), 2 / 5, 2 / 5, 0.0, id="moves along"),
        pytest.param(one_hot(4, 4, 4, 4, 4), 1.0, 1.0, 0.0, id="the last position"),
        pytest.param(one_hot(1, 1, 1, 1, 4), 1 / 5, 4 / 5, 0.0, id="one position"),
        pytest.param(np.full([5, 6], 0.2, np.float32) * (np.arange(6) < 5), 0.0, 1.0, 1.0, id="everywhere"),
        pytest.param(
            np.tile(np.float32([0.5, 0.5, 0, 0, 0, 0]), (5, 1)), 0.0, 1.0, np.log(2) / np.log(5), id="two"
        ),
        pytest.param(one_hot(0, 1, 2, 4, 4) / 2, 2 / 5, 2 / 5, 0.0, id="monotonic, half of it given up"),
        pytest.param(np.zeros([5, 6], np.float32), 0.0, 1.0, 0.0, id="monotonic, past the end"),
    ],
)
def test_where_one_sentence_attends(
    alignments: np.ndarray, on_last: float, on_commonest: float, entropy: float
) -> None:
    expected = [on_last, on_commonest, entropy]
    assert list(statistics_of(alignments, 5, 5).values()) == pytest.approx(expected, abs=1e-6)


def test_steps_past_the_target_do_not_count() -> None:
    assert statistics_of(one_hot(0, 1, 2, 3, 4, 4, 4), 5, 4) == statistics_of(one_hot(0, 1, 2, 3), 5, 4)


@pytest.mark.parametrize(("source", "target"), [(3, 5), (5, 3), (0, 0)])
def test_short_sentences_do_not_count(source: int, target: int) -> None:
    assert statistics_of(one_hot(0, 0, 0, 0, 0), source, target) == {}


def test_a_model_without_attention_has_none() -> None:
    assert attention_statistics(None) == {}


def test_batches_add_up() -> None:
    batches = [
        {"a": tf.constant([1.0, 2.0])},
        {"a": tf.constant([2.0**24, 4.0])},
        {"a": tf.constant([1.0, 8.0])},
    ]
    assert add_up(batches)["a"].tolist() == [2.0**24 + 2.0, 14.0]


# --- outputs ---

HEALTHY = [
    f"the {animal} sees a {other}" for animal in ("dog", "cat", "cow", "ape", "hen") for other in "abcde"
]


def test_outputs_that_differ() -> None:
    expected = {"empty_outputs": 0.0, "repeating_outputs": 0.0, "same_outputs": 0.0}
    assert output_statistics(HEALTHY, HEALTHY[::-1]) == expected


@pytest.mark.parametrize(
    ("output", "repeats"),
    [
        ("a a a a", True),
        ("the dog and and and and", True),
        ("a man in a man in a man in a man in", True),
        ("a man in a man in a man in", False),
        ("a a a b a a a", False),
        ("い犬い犬い犬い犬", True),
        ("い犬は走る", False),
        ("one", False),
        ("", False),
    ],
)
def test_outputs_that_repeat_themselves(output: str, repeats: bool) -> None:
    outputs = [output, *HEALTHY[1:]]
    assert output_statistics(outputs, HEALTHY)["repeating_outputs"] == repeats / len(HEALTHY)
    assert output_statistics(outputs, outputs)["repeating_outputs"] == 0.0  # the references do, too


def test_outputs_that_are_the_same() -> None:
    outputs = ["a dog", " a dog "] * 5 + HEALTHY[10:]
    assert output_statistics(outputs, HEALTHY)["same_outputs"] == (10 - 1) / 25
    assert output_statistics(outputs, ["yes"] * 25)["same_outputs"] == 0.0


def test_outputs_that_are_empty() -> None:
    outputs = ["", " ", *HEALTHY[2:]]
    statistics = output_statistics(outputs, HEALTHY)
    assert (statistics["empty_outputs"], statistics["same_outputs"]) == (2 / 25, 0.0)
    assert output_statistics(outputs, outputs)["empty_outputs"] == 0.0


def test_a_few_outputs_say_nothing() -> None:
    assert output_statistics(["a"] * 19, HEALTHY[:19]) == {}


# --- CTC ---


def test_utterances_of_which_ctc_says_nothing() -> None:
    best = np.array(
        [[0, 0, 2, 0], [0, 0, 0, 2], [0, 0, 0, 0], [0, 0, 0, 0]]
    )  # the second one past its length
    logits = tf.one_hot(best, 3)
    sums = silent_sums(logits, tf.constant([4, 3, 4, 4]), tf.constant([3, 2, 2, 1]), blank_id=0)
    assert ctc_statistics(sums.numpy()) == {"ctc_silent": pytest.approx(2 / 3)}
    assert ctc_statistics(np.zeros(2)) == {}
