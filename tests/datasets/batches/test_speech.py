"""Batches of audio: padding, targets, and what decides them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seq2seq.config.groups.speech_data import WaveformAugmentConfig
from seq2seq.datasets.batches.pairs import Shape
from seq2seq.datasets.batches.speech import SPEECH_SIGNATURE, SpeechBatch, SpeechBatchMaker, pad_waveforms
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.errors import UserError
from seq2seq.tasks.speech.augmentation import build_augment
from tests.datasets.index.test_utterance_index import TOKENIZER, index, table

ROWS = [("a", 0.2, "ab"), ("b", 0.4, "a"), ("c", 0.1, ""), ("d", 0.3, "abcd")]
AUGMENT = WaveformAugmentConfig(speeds=[0.9, 1.0, 1.1], noise_snr=[10.0, 20.0], gain=3.0)


@pytest.fixture
def utterances(tmp_path: Path) -> UtteranceIndex:
    return index(table(tmp_path, ROWS), None, keep_all=True)


def same(ours: SpeechBatch, other: SpeechBatch) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(ours, other))


def test_pad_waveforms() -> None:
    padded, lengths = pad_waveforms([np.array([0.5, -1.0]), np.zeros(0), np.array([0.1, 0.2, 0.3])])
    np.testing.assert_array_equal(padded, np.array([[0.5, -1, 0], [0, 0, 0], [0.1, 0.2, 0.3]], np.float32))
    np.testing.assert_array_equal(lengths, [2, 1, 3])
    assert padded.dtype == np.float32 and lengths.dtype == np.int32
    silence, one = pad_waveforms([np.zeros(0)])
    assert silence.tolist() == [[0.0]] and one.tolist() == [1]


def test_a_batch_is_what_the_index_holds(utterances: UtteranceIndex) -> None:
    batch = SpeechBatchMaker(utterances, TOKENIZER)(np.array([3, 2, 0]))
    a, b, c, d = TOKENIZER.encode(["abcd"])[0]
    start, end, pad = TOKENIZER.start_id, TOKENIZER.end_id, TOKENIZER.pad_id
    np.testing.assert_array_equal(batch.example_ids, [3, 2, 0])
    np.testing.assert_array_equal(batch.waveform_length, [1200, 400, 800])
    for row, number, length in zip(batch.waveforms, (3, 2, 0), batch.waveform_length):
        np.testing.assert_array_equal(row[:length], utterances.waveform(number))
        assert not row[length:].any()
    np.testing.assert_array_equal(
        batch.target_inputs, [[start, a, b, c, d], [start] + 4 * [pad], [start, a, b, pad, pad]]
    )
    np.testing.assert_array_equal(
        batch.target_outputs, [[a, b, c, d, end], [end] + 4 * [pad], [a, b, end, pad, pad]]
    )
    np.testing.assert_array_equal(batch.target_length, [5, 1, 3])
    for array, spec in zip(batch, SPEECH_SIGNATURE):
        assert array.dtype == spec.dtype.as_numpy_dtype and array.ndim == spec.shape.rank


def test_a_batch_is_a_pure_function_of_rows_and_seed(utterances: UtteranceIndex) -> None:
    def maker() -> SpeechBatchMaker:
        return SpeechBatchMaker(utterances, TOKENIZER, augment=build_augment(AUGMENT))

    rows, one = np.arange(4), maker()
    first = one(rows, (1, 0, 0))
    others = [one(rows, (1, 0, number)) for number in range(1, 6)]
    assert same(one(rows, (1, 0, 0)), first) and same(maker()(rows, (1, 0, 0)), first)
    assert not any(same(other, first) for other in others)
    np.testing.assert_array_equal(first.target_outputs, others[0].target_outputs)


def test_speed_perturbation_changes_lengths(utterances: UtteranceIndex) -> None:
    augment = build_augment(WaveformAugmentConfig(speeds=[0.5, 2.0]))
    maker = SpeechBatchMaker(utterances, TOKENIZER, augment=augment)
    lengths = np.stack([maker(np.arange(4), (0, 0, number)).waveform_length for number in range(8)])
    plain = np.array([800, 1600, 400, 1200])
    assert set((lengths / plain).ravel()) == {0.5, 2.0}
    assert len({tuple(row) for row in lengths / plain}) > 1


def test_augmentation_starts_in_its_epoch(utterances: UtteranceIndex) -> None:
    augment = build_augment(WaveformAugmentConfig(speeds=[0.5]))
    maker = SpeechBatchMaker(utterances, TOKENIZER, augment=augment, augment_from=2)
    longest = [maker(np.arange(4), (7, epoch, 0)).waveform_length.max() for epoch in range(4)]
    assert longest == [1600, 1600, 3200, 3200]


def test_no_augmentation_is_none() -> None:
    assert build_augment(WaveformAugmentConfig()) is None


@pytest.mark.parametrize("shape", [None, Shape(source=500, target=8, rows=3)])
def test_of_no_rows_becomes_an_empty_row(utterances: UtteranceIndex, shape: Shape | None) -> None:
    batch = SpeechBatchMaker(utterances, TOKENIZER)(np.array([], np.int64), shape=shape)
    samples, steps, rows = shape or (1, 1, 1)
    assert batch.waveforms.shape == (rows, samples) and not batch.waveforms.any()
    assert batch.target_inputs.shape == batch.target_outputs.shape == (rows, steps)
    assert (batch.target_inputs == TOKENIZER.pad_id).all() and (
        batch.target_outputs == TOKENIZER.pad_id
    ).all()
    np.testing.assert_array_equal(batch.example_ids, [-1] * rows)
    np.testing.assert_array_equal(batch.waveform_length, [1] * rows)
    np.testing.assert_array_equal(batch.target_length, [0] * rows)
    for array, spec in zip(batch, SPEECH_SIGNATURE):
        assert array.dtype == spec.dtype.as_numpy_dtype and array.ndim == spec.shape.rank


def test_a_shape_holds_the_rows_and_empty_ones(utterances: UtteranceIndex) -> None:
    maker = SpeechBatchMaker(utterances, TOKENIZER)
    plain, fixed = maker(np.array([0, 2])), maker(np.array([0, 2]), shape=Shape(2000, 8, 3))
    for column, padded in zip(plain, fixed):
        np.testing.assert_array_equal(padded[(slice(2), *map(slice, column.shape[1:]))], column)
    assert fixed.waveforms.shape == (3, 2000) and fixed.target_outputs.shape == (3, 8)
    np.testing.assert_array_equal(fixed.example_ids, [0, 2, -1])


def test_what_grows_out_of_its_shape_is_taken_as_it_is(utterances: UtteranceIndex) -> None:
    augment = build_augment(WaveformAugmentConfig(speeds=[0.5]))
    maker = SpeechBatchMaker(utterances, TOKENIZER, augment=augment)
    np.testing.assert_array_equal(
        maker(np.arange(4), shape=Shape(1600, 8, 4)).waveform_length, [1600, 1600, 800, 1200]
    )


def test_sound_that_its_shape_does_not_hold_is_named(utterances: UtteranceIndex) -> None:
    with pytest.raises(UserError, match="b has 1,600 samples of audio, more than the 1,000 of its batch"):
        SpeechBatchMaker(utterances, TOKENIZER)(np.arange(2), shape=Shape(1000, 8, 4))
