"""Words from tokens, and files that say again what was written into them."""

from __future__ import annotations

import re

import pytest

from seq2seq.tasks.speech.alignment_files import TSV_HEADER, WordSpan, text_grid, tsv_lines, word_spans
from seq2seq.text.character_tokenizer import CharacterTokenizer
from seq2seq.text.normalizer import Normalizer
from seq2seq.text.sentencepiece_tokenizer import SentencePieceTokenizer
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.text.word_tokenizer import WordTokenizer

TEXTS = ["say it's so", "so it's said", "it's as I say"] * 30


def spans_of(tokenizer: Tokenizer, text: str, duration: float = 9.0) -> tuple[list[str], list[WordSpan]]:
    """The pieces of a text and its words, where token n fills frames 3n and 3n + 1 of a tenth of a second."""
    (ids,) = tokenizer.encode([text])
    starts = [3 * n for n in range(len(ids))]
    return tokenizer.pieces(ids), word_spans(
        ids,
        starts,
        [start + 2 for start in starts],
        decode=tokenizer.decode,
        seconds_per_frame=0.1,
        duration=duration,
    )


def assert_spans(found: list[WordSpan], expected: list[tuple[str, float, float]]) -> None:
    assert [span.word for span in found] == [word for word, *_ in expected]
    assert [span[1:] for span in found] == [pytest.approx(times) for _, *times in expected]


def test_words_of_characters() -> None:
    tokenizer = CharacterTokenizer.train(TEXTS, vocabulary_size=40, normalizer=Normalizer())
    _, found = spans_of(tokenizer, "so it's I")
    assert_spans(found, [("so", 0.0, 0.5), ("it's", 0.9, 2.0), ("I", 2.4, 2.6)])


def test_words_of_words() -> None:
    tokenizer = WordTokenizer.train(TEXTS, vocabulary_size=40, normalizer=Normalizer())
    _, found = spans_of(tokenizer, "so it's new")
    assert_spans(found, [("so", 0.0, 0.2), ("it's", 0.3, 0.5), ("⁇", 0.6, 0.8)])


def test_words_of_pieces() -> None:
    tokenizer = SentencePieceTokenizer.train(TEXTS, vocabulary_size=20, kind="bpe", normalizer=Normalizer())
    pieces, found = spans_of(tokenizer, "as said it's so")
    assert len(pieces) > 4
    words = ["as", "said", "it's", "so"]
    assert "".join(pieces) == "".join("▁" + word for word in words)
    spoken = [
        n for n, piece in enumerate(pieces) if piece != "▁"
    ]  # what only adds a space is no part of a word
    before = ["", *pieces]
    firsts = [n for n in spoken if pieces[n].startswith("▁") or before[n] == "▁"]
    ends = [max(n for n in spoken if n < first) for first in firsts[1:]] + [spoken[-1]]
    expected = zip(words, firsts, ends)
    assert_spans(found, [(word, 0.3 * first, 0.3 * last + 0.2) for word, first, last in expected])


def test_no_word_outlasts_the_sound() -> None:
    tokenizer = WordTokenizer.train(TEXTS, vocabulary_size=40, normalizer=Normalizer())
    _, found = spans_of(tokenizer, "so say", duration=0.42)
    assert_spans(found, [("so", 0.0, 0.2), ("say", 0.3, 0.42)])
    assert spans_of(tokenizer, "")[1] == []


def parse_text_grid(content: str) -> tuple[float, str, list[tuple[float, float, str]]]:
    """End, name and intervals of the one tier of a TextGrid."""
    assert content.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = ')
    ends = set(re.findall(r"^ {0,8}xmax = ([\d.]+)$", content, re.MULTILINE))
    assert len(ends) == 1  # the file and its tier end together
    assert 'class = "IntervalTier"' in content
    (name,) = re.findall(r'name = "((?:[^"]|"")*)"\n', content)
    (size,) = re.findall(r"intervals: size = (\d+)\n", content)
    found = re.findall(
        r'intervals \[(\d+)\]:\n +xmin = ([\d.]+)\n +xmax = ([\d.]+)\n +text = "((?:[^"]|"")*)"\n', content
    )
    assert [int(number) for number, *_ in found] == list(range(1, int(size) + 1))
    intervals = [(float(start), float(end), text.replace('""', '"')) for _, start, end, text in found]
    return float(ends.pop()), name.replace('""', '"'), intervals


def test_a_text_grid_tells_what_was_written_and_leaves_no_gap() -> None:
    spans = [WordSpan('"so"', 0.5, 0.75), WordSpan("it's", 0.75, 1.25), WordSpan("sö", 2.0, 2.000001)]
    end, name, intervals = parse_text_grid(text_grid(spans, 3.0, tier='my "words"'))
    assert (end, name) == (3.0, 'my "words"')
    assert [WordSpan(text, start, end) for start, end, text in intervals if text] == spans
    assert intervals[0] == (0.0, 0.5, "")
    assert intervals[-1] == (2.000001, 3.0, "")
    assert [start for start, *_ in intervals] == [0.0, *(end for _, end, _ in intervals[:-1])]
    assert all(start < end for start, end, _ in intervals)


def test_text_grids_of_nothing_of_everything_and_of_more() -> None:
    assert parse_text_grid(text_grid([], 1.5))[2] == [(0.0, 1.5, "")]
    assert parse_text_grid(text_grid([WordSpan("a", 0.0, 1.5)], 1.5))[2] == [(0.0, 1.5, "a")]
    assert parse_text_grid(text_grid([WordSpan("a", 1.6, 1.8)], 1.5))[::2] == (
        1.8,
        [(0.0, 1.6, ""), (1.6, 1.8, "a")],
    )
    with pytest.raises(ValueError, match="duration must be positive"):
        text_grid([], 0.0)


def test_a_table_tells_what_was_written() -> None:
    spans = [WordSpan("so", 0.04, 0.2), WordSpan("it's", 0.75, 1.25)]
    header, *rows = (TSV_HEADER + tsv_lines("a\tfile.wav", spans)).splitlines()
    assert header.split("\t") == ["name", "start", "end", "word"]
    assert [row.split("\t")[0] for row in rows] == ["a file.wav", "a file.wav"]
    assert [
        WordSpan(word, float(start), float(end)) for _, start, end, word in (r.split("\t") for r in rows)
    ] == spans
