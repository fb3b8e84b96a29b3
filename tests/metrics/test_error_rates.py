"""Error rates of hand-counted cases."""

from __future__ import annotations

from importlib import metadata

import jiwer
import pytest

from seq2seq.metrics.error_rates import CharacterErrorRate, ErrorReport, WordErrorRate, error_report
from seq2seq.metrics.metric import Comparison, Score

REFERENCES = ["one two three", "four", "", "", "five six"]
HYPOTHESES = ["one too three four", "", "seven eight", "", "FIVE six"]


def report() -> ErrorReport:
    return error_report(
        HYPOTHESES, REFERENCES, names=list("abcde"), speakers=["x", "y", "x", "y", "z"], lowercase=False
    )


def wer(hypotheses: list[str], references: list[str], lowercase: bool = False) -> Score:
    return WordErrorRate(Comparison(lowercase))(hypotheses, references)


def test_errors_are_summed_over_the_corpus() -> None:
    counts = report().by_utterance
    assert [sum(values) for values in zip(*counts)] == [3, 2, 1, 3]  # 6 words said
    cased, lowercased = (wer(HYPOTHESES, REFERENCES, lowercase) for lowercase in (False, True))
    assert cased.value == pytest.approx(100 * 6 / 6)
    assert lowercased.value == pytest.approx(100 * 5 / 6)
    version = metadata.version("jiwer")
    assert cased.signature == f"case:mixed|space:collapsed|utts:5|jiwer:{version}"
    assert lowercased.signature == f"case:lc|space:collapsed|utts:5|jiwer:{version}"


def test_without_empty_references_it_is_what_jiwer_says() -> None:
    references, hypotheses = ["a b c", "d e", "f  g"], ["a c c d", "d", "f g"]
    assert wer(hypotheses, references).value == pytest.approx(100 * jiwer.wer(references, hypotheses))
    cer = CharacterErrorRate(Comparison())(hypotheses, references)
    assert cer.value == pytest.approx(100 * jiwer.cer(["a b c", "d e", "f g"], hypotheses))


def test_a_table_of_speakers_worst_first() -> None:
    lines = report().speaker_table().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["speaker", "x", "y", "z", "all"]
    assert lines[1].split("\t") == ["x", "2", "3", "133.33", "1", "0", "3"]
    assert lines[-1].split("\t")[:4] == ["all", "5", "6", "100.00"]


def test_the_worst_come_first_with_their_alignment() -> None:
    worst = report().worst(2)
    assert worst.index("a   2 errors") < worst.index("c   2 errors")
    assert "REF: one two three" in worst
    assert "too" in worst
    assert report().worst(10).count("errors") == 4  # nothing wrong, nothing shown


def test_nothing_said_at_all() -> None:
    assert wer(["", "a b"], ["", ""]).value == 200.0
    assert wer([""], [""]).value == 0.0
