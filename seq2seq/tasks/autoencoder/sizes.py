"""Sizes of a sequence autoencoder and of its training, from what there is to learn from.

A whole line passes through one vector: its size matters more than translation's, and there is little to overfit.
"""

from __future__ import annotations

from typing import NamedTuple

from seq2seq.config.auto import Decision
from seq2seq.config.root import TrainConfig
from seq2seq.tasks.sizes import TextCounts, by_amount, text_sizes, vocabulary_size

INFINITE = float("inf")


class _Model(NamedTuple):
    embedding: int
    units: int
    dropout: float
    learning_rate: float


_CLOSED = _Model(128, 256, 0.0, 2e-3)
_MODELS = (  # below so many running words
    (5e6, _Model(256, 512, 0.1, 2e-3)),
    (INFINITE, _Model(512, 1024, 0.1, 1e-3)),
)
_TOKENS = (4e5, 1024), (2e6, 2048), (INFINITE, 4096)
_EXAMPLES = (2e6, 64), (INFINITE, 128)
_EPOCHS = (2e6, 12), (5e7, 6), (INFINITE, 3)


def autoencoder_sizes(config: TrainConfig, counts: TextCounts) -> dict[str, Decision]:
    """Decisions of all but the run's length."""
    model: _Model = _CLOSED if counts.closed else by_amount(counts.words, *_MODELS)
    values = {
        "model.embedding.size": model.embedding,
        "model.embedding.dropout": model.dropout,
        "model.encoder.units": model.units,
        "model.decoder.units": model.units,
        "model.decoder.attention.layer_size": model.embedding,
        "optimizer.learning_rate": model.learning_rate,
    }
    return text_sizes(
        config, counts, values, pieces=vocabulary_size(counts), tokens=_TOKENS, examples=_EXAMPLES
    )


def epochs_and_least(counts: TextCounts) -> tuple[int, int]:
    """How often to read the data, and how many updates it takes in any case."""
    return (8, 2000) if counts.closed else (by_amount(counts.words, *_EPOCHS), 3000)
