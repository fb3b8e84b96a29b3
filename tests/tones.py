"""A dozen utterances of tones for tests, and a model that learns them by heart in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 4000
TONE, PAUSE = 0.25, 0.1
PITCH = {"low": 300.0, "mid": 700.0, "high": 1500.0}
TEXTS = [
    "low", "mid", "high", "low mid", "mid low", "high low", "low high", "mid high", "high mid",
    "low mid high", "high mid low", "mid mid low",
]  # fmt: skip


def audio(text: str, rng: np.random.Generator) -> np.ndarray:
    """A tone for each word, pauses around, and a little noise."""
    time = np.arange(round(TONE * RATE)) / RATE
    pause = np.zeros(round(PAUSE * RATE))
    parts = [pause]
    for word in text.split():
        parts += [0.5 * np.sin(2 * np.pi * PITCH[word] * time), pause]
    waveform = np.concatenate(parts)
    return waveform + 0.005 * rng.standard_normal(len(waveform))


def write_corpus(folder: Path) -> Path:
    """The utterances and their table ``all.tsv`` in a folder, which is returned."""
    rng = np.random.default_rng(3)
    lines = ["audio\ttext\tspeaker"]
    for n, text in enumerate(TEXTS):
        soundfile.write(folder / f"{n:02}.wav", audio(text, rng), RATE)
        lines.append(f"{n:02}.wav\t{text}\t{'flute' if n % 2 else 'horn'}")
    (folder / "all.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def data(corpus: Path) -> list[str]:
    return [
        "task=speech",
        "data=audio_table",
        f"data.root={corpus}",
        "data.train=all.tsv",
        "data.val=all.tsv",
        "data.tokenizer.kind=word",
        "data.batch.size=6",
    ]


SMALL = [
    f"model.features.sample_rate={RATE}",
    "model.features.mel_bins=16",
    "model.spec_augment.frequency_masks=0",
    "model.spec_augment.time_masks=0",
    "model.embedding.size=16",
    "model.embedding.dropout=0",
    "model.encoder.front_channels=[4,4]",
    "model.encoder.front_size=32",
    "model.encoder.layers=1",
    "model.encoder.units=24",
    "model.encoder.projection=0",
    "model.encoder.dropout=0",
    "model.encoder.output_dropout=0",
    "model.encoder.layer_norm=false",  # with it CTC learns texts by heart too fast to place their words
    "model.decoder.units=32",
    "model.decoder.attention.layer_size=32",
    "model.decoder.attention.location_width=11",
    "model.decoder.attention.dropout=0",
    "optimizer.learning_rate=0.01",
    "training.validate_every=1000",
    "training.epochs=100",
    "training.report_every=20",
    "task.label_smoothing=0",
]
