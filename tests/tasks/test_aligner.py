"""Forced alignment of posteriors that are made by hand, and what is said of texts that do not align."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.audio.audio_reader import AudioReader
from seq2seq.audio.features import FeatureOptions
from seq2seq.config.groups.search import SearchConfig
from seq2seq.errors import UserError
from seq2seq.tasks.speech.aligner import Aligner, AudioWithText, as_written, read_utterances, seconds_per_step
from seq2seq.tasks.speech.alignment_files import WordSpan
from seq2seq.tasks.speech.transcriber import Transcriber
from seq2seq.text import CharacterTokenizer, Normalizer
from tests.datasets.index.test_utterance_index import table
from tests.tiny_speech import RATE, TOKENIZER, tiny_model

STEP = 441 * 4
"""Samples of a step: hops of 10 ms at 44,105 Hz are 441 samples, not 441.05."""
OPTIONS = FeatureOptions(sample_rate=44_105)
TINY = CharacterTokenizer(list("ab "), Normalizer("nfkc", lowercase=True))


class Posteriors:
    """A model whose audio is the ids that CTC is sure of: one id for every step's samples."""

    features = SimpleNamespace(options=OPTIONS)
    encoder = SimpleNamespace(time_reduction=4)

    def encode(self, waveforms: tf.Tensor, length: tf.Tensor) -> SimpleNamespace:
        return SimpleNamespace(memory=waveforms[:, ::STEP], memory_length=(length + STEP - 1) // STEP)

    def ctc_logits(self, encoded: SimpleNamespace) -> tf.Tensor:
        return 20.0 * tf.one_hot(tf.cast(encoded.memory, tf.int32), TINY.vocabulary_size)


def spoken(name: str, path: str, text: str) -> AudioWithText:
    """``path`` has a character for each step, ``.`` for the blank; the last step is half a step long."""
    ids = {
        ".": TINY.pad_id,
        **{piece: TINY.encode([piece])[0][0] for piece in "ab"},
        "_": TINY.encode(["a b"])[0][1],
    }
    steps = np.repeat(np.array([ids[step] for step in path], np.float32), STEP)
    return AudioWithText(name, steps[: len(steps) - STEP // 2], text)


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    model: Any = Posteriors()
    return Aligner(model, TINY, batch_size=2)


def test_words_have_the_times_of_their_steps(aligner: Aligner) -> None:
    found = list(aligner.align([spoken("one", "..ab..._bb.", "ab b"), spoken("two", ".a", "a")]))
    second = STEP / 44_105  # not 0.04
    assert seconds_per_step(aligner.model) == pytest.approx(second, rel=1e-12)
    assert [(one.name, [span.word for span in one.spans or []]) for one in found] == [
        ("one", ["ab", "b"]),
        ("two", ["a"]),
    ]
    expected = [[(2 * second, 4 * second), (8 * second, 10 * second)], [(second, 1.5 * second)]]
    for one, times in zip(found, expected):
        np.testing.assert_allclose([span[1:] for span in one.spans or []], times, rtol=1e-9)
    np.testing.assert_allclose([one.duration for one in found], [10.5 * second, 1.5 * second], rtol=1e-4)


def test_texts_are_given_and_not_recognised(aligner: Aligner) -> None:
    (found,) = aligner.align([spoken("other", "aa...bb", "b")])
    assert found.spans is not None
    assert found.spans[0][1] == pytest.approx(5 * STEP / 44_105)


def test_what_does_not_align_is_named(aligner: Aligner, caplog: pytest.LogCaptureFixture) -> None:
    utterances = [
        spoken("mute", "...", " "),
        spoken("hasty", "aa", "a b a"),
        spoken("foreign", "a_b.", "A ß"),
        spoken("plain", "aab", "ab"),
    ]
    with caplog.at_level(logging.WARNING):
        found = {one.name: one for one in aligner.align(utterances)}
    assert list(found) == ["mute", "hasty", "foreign", "plain"]
    assert found["mute"].spans == []
    assert found["hasty"].spans is None
    assert [span.word for span in found["foreign"].spans or []] == ["A", "ß"]  # as it is written
    assert [record.getMessage() for record in caplog.records] == [
        "1 utterances without text: mute",
        "1 utterances too short for their text, and without alignment: hasty",
        "1 utterances with text outside of the vocabulary, whose times are a guess: foreign",
    ]


def test_words_are_as_written_where_their_number_is() -> None:
    spans = [WordSpan("a", 0.0, 1.0), WordSpan("b", 1.0, 2.0)]
    assert as_written(spans, " Ä\tB ") == [WordSpan("Ä", 0.0, 1.0), WordSpan("B", 1.0, 2.0)]
    assert as_written(spans, "a-b") == spans
    assert as_written(None, "a") is None


def test_neither_batch_mates_nor_order_matter() -> None:
    rng = np.random.default_rng(3)
    texts = ["ab", "d", "cad b", "", "a", "bb"]
    utterances = [
        AudioWithText(str(n), (0.3 * rng.standard_normal(RATE // 2 + 700 * n)).astype(np.float32), text)
        for n, text in enumerate(texts)
    ]
    model = tiny_model()
    together = list(Aligner(model, TOKENIZER, batch_size=4).align(utterances))
    alone = list(Aligner(model, TOKENIZER, batch_size=1).align(utterances[::-1]))[::-1]
    assert together == alone
    assert [len(one.spans or []) for one in together] == [1, 1, 2, 0, 1, 1]


@pytest.mark.parametrize("ctc_weight", [0.3, 1.0])
def test_timestamps_are_those_of_the_text_that_was_found(ctc_weight: float) -> None:
    rng = np.random.default_rng(4)
    recordings = [(0.3 * rng.standard_normal(n)).astype(np.float32) for n in (3 * RATE, 2 * RATE)]
    model = tiny_model()
    model.ctc_projection.kernel.assign(30.0 * model.ctc_projection.kernel)  # else all is blank
    special = tf.one_hot(TOKENIZER.unknown_id, TOKENIZER.vocabulary_size)  # has no text that reads as itself
    model.ctc_projection.bias.assign(-1000.0 * special)
    transcriber = Transcriber(model, TOKENIZER, SearchConfig(), ctc_weight=ctc_weight, timestamps=True)
    found = list(transcriber.transcribe(recordings))
    assert all(one.texts[0].split() for one in found)
    texts = [AudioWithText("", audio, one.texts[0]) for audio, one in zip(recordings, found)]
    for one, aligned in zip(found, Aligner(model, TOKENIZER, batch_size=2).align(texts)):
        assert aligned.spans is None or [span.word for span in aligned.spans] == one.texts[0].split()
        assert one.spans == aligned.spans


def test_reading(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reader = table(tmp_path, [("a", 0.2, "ab"), ("x", 0.0, "b"), ("b", 0.3, "c")])

    def read(skip_broken: bool) -> Iterator[AudioWithText]:
        return read_utterances(reader, AudioReader(RATE), skip_broken=skip_broken)

    with caplog.at_level(logging.WARNING):
        found = list(read(True))
    assert [(one.name, len(one.waveform), one.text) for one in found] == [("a", 800, "ab"), ("b", 1200, "c")]
    assert "x.wav is cut off" in caplog.text
    assert "1 utterances broken, left out" in caplog.text
    with pytest.raises(UserError, match=r"x\.wav is cut off"):
        list(read(False))
