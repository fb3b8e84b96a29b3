"""Audio and its text in, words with their times out: forced alignment by the CTC of a speech model."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.audio.audio_reader import AudioReader
from seq2seq.datasets.batches.in_order import predict_large
from seq2seq.datasets.batches.pairs import Ragged, target_arrays
from seq2seq.datasets.batches.speech import pad_waveforms
from seq2seq.datasets.readers.lines import listed
from seq2seq.datasets.readers.utterance_reader import UtteranceReader
from seq2seq.errors import UserError
from seq2seq.search.ctc_align import CTCAlignment, ctc_align
from seq2seq.tasks.speech.alignment_files import WordSpan, word_spans
from seq2seq.tasks.speech.model import SpeechModel
from seq2seq.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

BATCH_SAMPLES = 2**24
"""Samples of a padded batch, 17 minutes at 16 kHz: what a batch takes does not grow with its utterances."""

CHUNK_SAMPLES = 2**26
"""Samples that are held, sorted by length, at a time: 268 MB."""


class AudioWithText(NamedTuple):
    """An utterance: ``[N]`` float32 of the model's sample rate, and what is said in it."""

    name: str
    waveform: np.ndarray
    text: str


class Alignment(NamedTuple):
    """Where the words of an utterance are.

    Attributes:
      name: of the utterance.
      spans: none of an empty text; None where the audio is too short for its text.
      duration: of the audio, in seconds.
      unknown: whether the text has what is outside of the vocabulary.
    """

    name: str
    spans: list[WordSpan] | None
    duration: float
    unknown: bool


def read_utterances(
    reader: UtteranceReader, audio: AudioReader, *, skip_broken: bool
) -> Iterator[AudioWithText]:
    """The utterances of a manifest with their audio, one at a time.

    Args:
      reader: of the manifest.
      audio: of the model.
      skip_broken: leave out what cannot be decoded, by name and number; else that is raised.
    """
    broken = 0
    for utterance in reader.utterances():
        try:
            waveform = audio(utterance.audio, start=utterance.start, end=utterance.end)
        except UserError as error:
            if not skip_broken:
                raise
            logger.warning("Left out: %s", error)
            broken += 1
            continue
        yield AudioWithText(utterance.id, waveform, utterance.text)
    if broken:
        logger.warning("%s utterances broken, left out", f"{broken:,}")


class Aligner:
    """Aligns given texts with a trained model; one graph serves every batch.

    Args:
      model: with its weights, trained with CTC.
      tokenizer: the one it was trained with.
      batch_size: utterances.
    """

    def __init__(self, model: SpeechModel, tokenizer: Tokenizer, *, batch_size: int) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        lengths = tf.TensorSpec([None], tf.int32)
        self._graph = tf.function(
            self._align,
            input_signature=[
                tf.TensorSpec([None, None], tf.float32),
                lengths,
                tf.TensorSpec([None, None], tf.int32),
                lengths,
            ],
            autograph=False,
        )

    def _align(
        self, waveforms: tf.Tensor, length: tf.Tensor, ids: tf.Tensor, ids_length: tf.Tensor
    ) -> CTCAlignment:
        encoded = self.model.encode(waveforms, length)
        log_probs = tf.nn.log_softmax(self.model.ctc_logits(encoded))
        return ctc_align(log_probs, encoded.memory_length, ids, ids_length, self.tokenizer.pad_id)

    def align_batch(self, batch: Sequence[AudioWithText]) -> list[Alignment]:
        """Aligns utterances, in their order.

        Words are written as in the text, where normalisation leaves their number as it was; else as normalised.
        """
        ids = self.tokenizer.encode([one.text for one in batch])
        _, padded, length = target_arrays(Ragged.of(ids), self.tokenizer)
        durations = [len(one.waveform) / self.model.features.options.sample_rate for one in batch]
        found = self._graph(
            *pad_waveforms([one.waveform for one in batch]),
            padded,
            length - 1,  # CTC knows no end
        )
        words = timed_words(
            found,
            ids,
            self.tokenizer,
            seconds_per_step=seconds_per_step(self.model),
            durations=durations,
        )
        return [
            Alignment(one.name, as_written(spans, one.text), duration, self.tokenizer.unknown_id in row)
            for one, spans, duration, row in zip(batch, words, durations, ids)
        ]

    def align(self, utterances: Iterable[AudioWithText]) -> Iterator[Alignment]:
        """Aligns any number of utterances, in their order; logs which of them have no text, no alignment, or text
        outside of the vocabulary, once all are done."""
        noted: dict[str, list[str]] = {
            "without text": [],
            "too short for their text, and without alignment": [],
            "with text outside of the vocabulary, whose times are a guess": [],
        }
        empty, impossible, unknown = noted.values()
        for alignment in predict_large(
            utterances,
            self.align_batch,
            empty=lambda one: Alignment(one.name, None, 0.0, False),
            size=lambda one: len(one.waveform),
            batch_size=self.batch_size,
            batch_volume=BATCH_SAMPLES,
            chunk_volume=CHUNK_SAMPLES,
        ):
            if alignment.spans is None:
                impossible.append(alignment.name)
            elif not alignment.spans:
                empty.append(alignment.name)
            if alignment.unknown:
                unknown.append(alignment.name)
            yield alignment
        for what, names in noted.items():
            if names:
                logger.warning("%s utterances %s: %s", f"{len(names):,}", what, listed(names))


def seconds_per_step(model: SpeechModel) -> float:
    """Of the memory that CTC reads: hops are whole samples, whatever ``hop_ms`` says."""
    options = model.features.options
    return model.encoder.time_reduction * options.hop / options.sample_rate


def timed_words(
    found: CTCAlignment,
    ids: Sequence[Sequence[int]],
    tokenizer: Tokenizer,
    *,
    seconds_per_step: float,
    durations: Sequence[float],
) -> list[list[WordSpan] | None]:
    """The words of each utterance, from the steps of its tokens; None where there is no alignment.

    Args:
      found: of the batch.
      ids: B texts.
      tokenizer: of the ids.
      seconds_per_step: of the memory.
      durations: of the audio, in seconds.
    """
    starts, ends, possible = (
        tensor.numpy() for tensor in (found.start_frame, found.end_frame, found.possible)
    )
    return [
        word_spans(
            row,
            starts[b, : len(row)].tolist(),
            ends[b, : len(row)].tolist(),
            decode=tokenizer.decode,
            seconds_per_frame=seconds_per_step,
            duration=durations[b],
        )
        if possible[b]
        else None
        for b, row in enumerate(ids)
    ]


def as_written(spans: list[WordSpan] | None, text: str) -> list[WordSpan] | None:
    """Words as they stand in the text, in place of what normalisation and the vocabulary make of them."""
    words = text.split()
    if spans is None or len(words) != len(spans):
        return spans
    return [span._replace(word=word) for word, span in zip(words, spans)]
