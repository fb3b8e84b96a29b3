"""Batches of sound with its text, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.datasets.batch import Ragged, target_arrays
from seq2seq.datasets.batch_maker import SubwordSampling
from seq2seq.datasets.utterance_index import UtteranceIndex
from seq2seq.text.tokenizer import Tokenizer

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""``(waveform [N], generator) → waveform [N']``."""


class SpeechBatch(NamedTuple):
    """B utterances, padded to the longest of them: NumPy arrays, or tensors once TensorFlow hands them on."""

    example_ids: np.ndarray
    """[B] int64: row of the index."""
    waveforms: np.ndarray
    """[B, N] float32 in ±1: 0 past the length."""
    waveform_length: np.ndarray
    """[B] int32: samples, at least 1."""
    target_inputs: np.ndarray
    """[B, T] int32: `<s> y`."""
    target_outputs: np.ndarray
    """[B, T] int32: `y </s>`."""
    target_length: np.ndarray
    """[B] int32: counts the end."""


SPEECH_SIGNATURE = SpeechBatch(
    example_ids=tf.TensorSpec([None], tf.int64),
    waveforms=tf.TensorSpec([None, None], tf.float32),
    waveform_length=tf.TensorSpec([None], tf.int32),
    target_inputs=tf.TensorSpec([None, None], tf.int32),
    target_outputs=tf.TensorSpec([None, None], tf.int32),
    target_length=tf.TensorSpec([None], tf.int32),
)


def pad_waveforms(waveforms: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """[B, N] float32 and [B] int32 of waveforms of any length; nothing at all becomes one sample of silence."""
    lengths = np.fromiter((max(1, len(waveform)) for waveform in waveforms), np.int32, len(waveforms))
    padded = np.zeros((len(waveforms), lengths.max()), np.float32)
    for row, waveform in zip(padded, waveforms):
        row[: len(waveform)] = waveform
    return padded, lengths


class SpeechBatchMaker:
    """Looks utterances up in an index and pads them.

    Args:
        index: the utterances.
        tokenizer: made the index.
        augment: changes each waveform, in training; may change its length.
        augment_from: the epoch, from 0, that it starts in.
        sampling: subword sampling of the texts.
    """

    def __init__(
        self,
        index: UtteranceIndex,
        tokenizer: Tokenizer,
        *,
        augment: Augment | None = None,
        augment_from: int = 0,
        sampling: SubwordSampling | None = None,
    ) -> None:
        self.index = index
        self.tokenizer = tokenizer
        self.augment = augment
        self.augment_from = augment_from
        self.sampling = sampling

    def __call__(self, rows: np.ndarray, seed: tuple[int, int, int] = (0, 0, 0)) -> SpeechBatch:
        """The batch of these rows, a pure function of the arguments.

        Args:
            rows: [B] integers, B at least 1; where sound is broken and to be skipped, the next row that is not.
            seed: seed, epoch and number of the batch, from 0, which decide augmentation and sampling together.
        """
        rows = np.asarray(rows, np.int64)
        generator = np.random.default_rng(seed)
        read = [self.index.readable(row) for row in rows.tolist()]
        rows, sound = np.array([row for row, _ in read], np.int64), [waveform for _, waveform in read]
        if self.augment is not None and seed[1] >= self.augment_from:
            sound = [self.augment(waveform, generator) for waveform in sound]
        waveforms, lengths = pad_waveforms(sound)
        targets = target_arrays(self._targets(rows, int(generator.integers(2**31))), self.tokenizer)
        return SpeechBatch(rows, waveforms, lengths, *targets)

    def _targets(self, rows: np.ndarray, seed: int) -> Ragged:
        if self.sampling is None:
            return Ragged.of([self.index.target_ids(row) for row in rows])
        texts = [self.index.utterances[row].text for row in rows]
        return Ragged.of(self.tokenizer.sample(texts, **self.sampling._asdict(), seed=seed))
