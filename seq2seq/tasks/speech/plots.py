"""Pictures of examples of speech: features, attention, CTC."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.tasks.speech.transcriber import Transcriber
from seq2seq.training.reports.plots import save_utterance

PLOTTED_EXAMPLES = 4


def plot_utterances(transcriber: Transcriber, index: UtteranceIndex, folder: Path) -> None:
    """Features, attention and CTC's posteriors of the first utterances; ``transcriber``: with alignments."""
    model, rows = transcriber.model, range(min(PLOTTED_EXAMPLES, len(index)))
    for row, found in zip(rows, transcriber.transcribe_index(index, rows)):
        waveform = index.waveform(row)
        features, _ = model.features(waveform[np.newaxis], np.array([len(waveform)], np.int32))
        save_utterance(
            folder / f"utterance_{row + 1}.png",
            features=features[0].numpy(),
            hop=model.features.options.hop_ms / 1000.0,
            pieces=found.pieces,
            alignment=found.alignment,
            posteriors=found.posteriors,
            symbols=lambda symbol: transcriber.tokenizer.pieces([symbol])[0],
            blank_id=transcriber.tokenizer.pad_id,
            title=f"{index.utterances[row].id}: {found.texts[0]}",
        )
