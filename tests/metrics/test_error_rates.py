"""Error rates of hand-counted cases."""

from __future__ import annotations

import jiwer
import pytest

from seq2seq.metrics.error_rates import SpeechScores, speech_scores

REFERENCES = ["one two three", "four", "", "", "five six"]
HYPOTHESES = ["one too three four", "", "seven eight", "", "FIVE six"]


def scores(lowercase: bool = False) -> SpeechScores:
    names, speakers = list("abcde"), ["x", "y", "x", "y", "z"]
    return speech_scores(HYPOTHESES, REFERENCES, names=names, speakers=speakers, lowercase=lowercase)


def test_errors_are_summed_over_the_corpus() -> None:
    found = scores()
    assert tuple(found.words) == (3, 2, 1, 3)  # 6 words said
    assert found.wer == pytest.approx(100 * 6 / 6)
    assert scores(lowercase=True).wer == pytest.approx(100 * 5 / 6)
    assert "case:lc" in scores(lowercase=True).signature


def test_without_empty_references_it_is_what_jiwer_says() -> None:
    references, hypotheses = ["a b c", "d e", "f  g"], ["a c c d", "d", "f g"]
    found = speech_scores(hypotheses, references, names=list("xyz"), speakers=[""] * 3)
    assert found.wer == pytest.approx(100 * jiwer.wer(references, hypotheses))
    assert found.cer == pytest.approx(100 * jiwer.cer(["a b c", "d e", "f g"], hypotheses))


def test_a_table_of_speakers_worst_first() -> None:
    lines = scores().speaker_table().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["speaker", "x", "y", "z", "all"]
    assert lines[1].split("\t") == ["x", "2", "3", "133.33", "1", "0", "3"]
    assert lines[-1].split("\t")[:4] == ["all", "5", "6", "100.00"]


def test_the_worst_come_first_with_their_alignment() -> None:
    worst = scores().worst(2)
    assert worst.index("a   2 errors") < worst.index("c   2 errors")
    assert "REF: one two three" in worst
    assert "too" in worst
    assert scores().worst(10).count("errors") == 4  # nothing wrong, nothing shown


def test_nothing_said_at_all() -> None:
    found = speech_scores(["", "a b"], ["", ""], names=["x", "y"], speakers=["", ""])
    assert found.wer == 200.0
    assert speech_scores([""], [""], names=["x"], speakers=[""]).wer == 0.0
