from __future__ import annotations

from seq2seq.training.early_stopping import EarlyStopping


def stops(stopping: EarlyStopping, values: list[float]) -> list[bool]:
    answers = []
    for value in values:
        stopping.update(value)
        answers.append(stopping.stop)
    return answers


def test_stops_after_patience_validations_without_gain() -> None:
    stopping = EarlyStopping(patience=3, higher_is_better=True)
    assert stops(stopping, [1, 2, 2, 1, 3, 3, 3, 3]) == [False] * 7 + [True]


def test_min_delta_and_direction() -> None:
    stopping = EarlyStopping(patience=2, higher_is_better=False, min_delta=0.1)
    assert stops(stopping, [1.0, 0.95, 0.85, 0.8, 0.76]) == [False, False, False, False, True]


def test_nan_counts_as_no_gain() -> None:
    stopping = EarlyStopping(patience=2, higher_is_better=False)
    assert stops(stopping, [float("nan"), 1.0, float("nan"), float("nan")]) == [False, False, False, True]


def test_without_patience_it_never_stops() -> None:
    assert not any(stops(EarlyStopping(patience=None, higher_is_better=True), [1.0] * 9))


def test_restores_its_state() -> None:
    first = EarlyStopping(patience=3, higher_is_better=True)
    stops(first, [2.0, 1.0, 1.0])
    second = EarlyStopping(patience=3, higher_is_better=True)
    second.restore(first.state())
    assert stops(second, [2.0]) == [True]
