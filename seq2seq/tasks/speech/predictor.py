"""Audio files in, text out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from seq2seq.audio.audio_reader import AudioReader
from seq2seq.audio.pipes import seekable
from seq2seq.config.groups.search import SearchConfig
from seq2seq.datasets.arriving import arriving
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.errors import UserError
from seq2seq.tasks.speech.model import SpeechModel
from seq2seq.tasks.speech.transcriber import Transcriber, Transcription

logger = logging.getLogger(__name__)

_SKIPS = (
    "A run of speech takes audio files; data.broken_audio=skip goes on without those that cannot be read."
)


def audio_reader(model: SpeechModel, search: SearchConfig) -> AudioReader:
    """Reads files at the sample rate of a model, in ±1 and one channel."""
    return AudioReader(model.features.options.sample_rate, max_seconds=search.max_seconds)


class SpeechPredictor:
    """See :class:`seq2seq.tasks.contract.Predictor`; inputs are names of files.

    Args:
      transcriber: the model and its search.
      audio: reads files.
      skip_broken: the text of a file that cannot be read is empty, and the file is named; else that is raised, once
        there are the texts of those before it.
    """

    def __init__(self, transcriber: Transcriber, audio: AudioReader, *, skip_broken: bool) -> None:
        self._transcriber = transcriber
        self._audio = audio
        self._skip_broken = skip_broken

    def predict(self, inputs: Iterable[str | Path]) -> Iterator[Transcription]:
        return self._transcriber.transcribe(arriving(inputs).map(self._read))

    def predict_index(self, index: UtteranceIndex, rows: Sequence[int] | None = None) -> list[Transcription]:
        return self._transcriber.transcribe_index(index, rows)

    def _read(self, file: str | Path) -> np.ndarray:
        try:
            with seekable(Path(file)) as path:
                return self._audio(path)
        except UserError as error:
            if not self._skip_broken:
                raise UserError(f"{error} {_SKIPS}") from error
            logger.warning("Left out, its text is empty: %s", error)
            return np.zeros(0, np.float32)
