"""Batches of audio with its text, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.datasets.batches.batch_maker import SubwordSampling
from seq2seq.datasets.batches.pairs import Ragged, Shape, target_arrays, with_empty_rows
from seq2seq.datasets.batches.static_shapes import StaticShapes
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.errors import UserError
from seq2seq.text.tokenizer import Tokenizer

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""``(waveform [N], generator) → waveform [N']``."""


class SpeechBatch(NamedTuple):
    """B utterances, padded to the longest of them: NumPy arrays, or tensors once TensorFlow hands them on."""

    example_ids: np.ndarray
    """[B] int64: row of the index; -1 for an empty row."""
    waveforms: np.ndarray
    """[B, N] float32 in ±1: 0 past the length."""
    waveform_length: np.ndarray
    """[B] int32: samples, at least 1."""
    target_inputs: np.ndarray
    """[B, T] int32: `<s> y`."""
    target_outputs: np.ndarray
    """[B, T] int32: `y </s>`."""
    target_length: np.ndarray
    """[B] int32: counts the end; 0 for an empty row."""


SPEECH_SIGNATURE = SpeechBatch(
    example_ids=tf.TensorSpec([None], tf.int64),
    waveforms=tf.TensorSpec([None, None], tf.float32),
    waveform_length=tf.TensorSpec([None], tf.int32),
    target_inputs=tf.TensorSpec([None, None], tf.int32),
    target_outputs=tf.TensorSpec([None, None], tf.int32),
    target_length=tf.TensorSpec([None], tf.int32),
)


def pad_waveforms(
    waveforms: Sequence[np.ndarray], samples: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """[B, N] float32 and [B] int32 of waveforms of any length; nothing at all becomes one sample of silence.

    Args:
        samples: N; without it, what the longest has.
    """
    lengths = np.fromiter((max(1, len(waveform)) for waveform in waveforms), np.int32, len(waveforms))
    padded = np.zeros((len(waveforms), samples or lengths.max(initial=1)), np.float32)
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
        shapes: what batches are padded to, as planned for this index, their sources in samples; a row that augmentation
            or sampling makes longer than that is taken as it is in the index. Without it, batches are as long as the
            longest of their rows.
    """

    def __init__(
        self,
        index: UtteranceIndex,
        tokenizer: Tokenizer,
        *,
        augment: Augment | None = None,
        augment_from: int = 0,
        sampling: SubwordSampling | None = None,
        shapes: StaticShapes | None = None,
    ) -> None:
        self.index = index
        self.tokenizer = tokenizer
        self.augment = augment
        self.augment_from = augment_from
        self.sampling = sampling
        self.shapes = shapes

    def __call__(
        self, rows: np.ndarray, seed: Sequence[int] = (0, 0, 0), *, shape: Shape | None = None
    ) -> SpeechBatch:
        """The batch of these rows, a pure function of the arguments.

        Args:
            rows: [B] integers; where audio is broken and to be skipped, the next row that is not. Where there are
                shapes, of one shape. Of no rows becomes one empty row, or a shape full.
            seed: seed, epoch, number of the batch and whatever more, from 0, which decide augmentation and sampling
                together.
            shape: what to pad to, its source in samples; without it, the shape of the rows, where there are shapes and
                rows.

        Raises:
            UserError: audio that cannot be decoded, or is longer than its shape.
        """
        rows = np.asarray(rows, np.int64)
        if shape is None and self.shapes is not None:
            shape = self.shapes.of(rows)
        generator = np.random.default_rng(seed)
        read = [self.index.readable(row, shape) for row in rows.tolist()]
        rows, audio = np.array([row for row, _ in read], np.int64), [waveform for _, waveform in read]
        if shape is not None:
            self._check_fit(rows, audio, shape.source)
        if self.augment is not None and seed[1] >= self.augment_from:
            changed = [self.augment(waveform, generator) for waveform in audio]
            audio = [
                new if shape is None or len(new) <= shape.source else old for old, new in zip(audio, changed)
            ]
        waveforms, lengths = pad_waveforms(audio, shape.source if shape else None)
        targets = self._targets(rows, int(generator.integers(2**31)), shape.target - 1 if shape else None)
        steps = shape.target if shape else None
        batch = SpeechBatch(rows, waveforms, lengths, *target_arrays(targets, self.tokenizer, steps))
        empty = SpeechBatch(-1, 0.0, 1, self.tokenizer.pad_id, self.tokenizer.pad_id, 0)  # type: ignore[arg-type]
        return with_empty_rows(batch, empty, shape.rows if shape else 1)

    def _check_fit(self, rows: np.ndarray, audio: list[np.ndarray], samples: int) -> None:
        for row, waveform in zip(rows, audio):
            if len(waveform) > samples:
                utterance = self.index.utterances[row]
                raise UserError(
                    f"{utterance.id} has {len(waveform):,} samples of audio, more than the {samples:,} of its batch: it"
                    f" is longer than it says ({utterance.seconds:.2f} s). data.cache=true finds out before batches are"
                    " planned."
                )

    def _targets(self, rows: np.ndarray, seed: int, most: int | None) -> Ragged:
        ids = [self.index.target_ids(row) for row in rows]
        if self.sampling is None:
            return Ragged.of(ids)
        texts = [self.index.utterances[row].text for row in rows]
        sampled = self.tokenizer.sample(texts, **self.sampling._asdict(), seed=seed)
        return Ragged.of([new if most is None or len(new) <= most else old for old, new in zip(ids, sampled)])
