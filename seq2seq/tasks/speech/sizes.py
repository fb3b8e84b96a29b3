"""Sizes of a speech model and of its training, from what there is to learn from.

The values for thousands of different words are those that CMU AN4 (42 minutes) and LibriSpeech's samples were learnt
with; commands and digits, fewer than `FEW` different words, need less.
"""

from __future__ import annotations

from typing import NamedTuple

from seq2seq.config.auto import Decision
from seq2seq.tasks.sizes import TextCounts, by_amount

FEW = 50
"""Different words of a task of commands or digits."""


class _Sizes(NamedTuple):
    layers: int
    units: int
    decoder: int
    dropout: float
    learning_rate: float
    speeds: list[float]
    spec_augment_warmup: int
    epochs: int
    least: int


_COMMANDS = _Sizes(2, 128, 128, 0.2, 2e-3, [1.0], 0, epochs=30, least=750)
_SPEEDS = [0.9, 1.0, 1.1]
_SPEECH = (  # below so many running words; an hour has about 9,000
    (2e5, _Sizes(3, 256, 256, 0.3, 1e-3, _SPEEDS, 1000, epochs=60, least=4000)),
    (float("inf"), _Sizes(4, 384, 512, 0.2, 1e-3, _SPEEDS, 2000, epochs=30, least=20_000)),
)
_EXAMPLES = (500, 8), (5000, 16), (float("inf"), 32)


def _sizes(counts: TextCounts) -> _Sizes:
    sizes: _Sizes = _COMMANDS if counts.distinct < FEW else by_amount(counts.words, *_SPEECH)
    return sizes


def speech_sizes(counts: TextCounts) -> dict[str, Decision]:
    """Decisions of all but the run's length."""
    sizes = _sizes(counts)
    values = {
        "data.batch.size": by_amount(counts.examples, *_EXAMPLES),
        "data.augment.speeds": sizes.speeds,
        "model.spec_augment.warmup_steps": sizes.spec_augment_warmup,
        "model.encoder.layers": sizes.layers,
        "model.encoder.units": sizes.units,
        "model.encoder.projection": sizes.units,
        "model.encoder.dropout": sizes.dropout,
        "model.decoder.units": sizes.decoder,
        "optimizer.learning_rate": sizes.learning_rate,
    }
    return {key: Decision(value, str(counts)) for key, value in values.items()}


def epochs_and_least(counts: TextCounts) -> tuple[int, int]:
    """How often to read the data, and how many updates it takes in any case."""
    sizes = _sizes(counts)
    return sizes.epochs, sizes.least
