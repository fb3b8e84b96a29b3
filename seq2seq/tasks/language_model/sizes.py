"""Sizes of a language model and of its training, from what there is to learn from."""

from __future__ import annotations

from typing import NamedTuple

from seq2seq.config.auto import Decision
from seq2seq.config.root import TrainConfig
from seq2seq.tasks.sizes import TextCounts, by_amount, text_sizes, vocabulary_size

INFINITE = float("inf")


class _Model(NamedTuple):
    embedding: int
    units: int
    layers: int
    dropout: float
    learning_rate: float


_CLOSED = _Model(128, 256, 1, 0.1, 2e-3)
_MODELS = (  # below so many running words
    (5e6, _Model(256, 512, 1, 0.4, 2e-3)),
    (5e7, _Model(512, 1024, 2, 0.2, 1e-3)),
    (INFINITE, _Model(512, 1024, 2, 0.1, 1e-3)),
)
_TOKENS = (1e6, 2048), (1e7, 4096), (INFINITE, 8192)
_EXAMPLES = (1e6, 64), (1e7, 128), (INFINITE, 256)
_EPOCHS = (2e6, 12), (5e7, 6), (INFINITE, 3)


def language_model_sizes(config: TrainConfig, counts: TextCounts) -> dict[str, Decision]:
    """Decisions of all but the run's length."""
    model: _Model = _CLOSED if counts.closed else by_amount(counts.words, *_MODELS)
    values = {
        "model.embedding.size": model.embedding,
        "model.embedding.dropout": model.dropout,
        "model.encoder.layers": model.layers,
        "model.encoder.units": model.units,
        "model.encoder.dropout": model.dropout,
        "model.encoder.output_dropout": model.dropout,
        "optimizer.learning_rate": model.learning_rate,
    }
    return text_sizes(
        config, counts, values, pieces=vocabulary_size(counts), tokens=_TOKENS, examples=_EXAMPLES
    )


def epochs_and_least(counts: TextCounts) -> tuple[int, int]:
    """How often to read the data, and how many updates it takes in any case."""
    return (5, 1000) if counts.closed else (by_amount(counts.words, *_EPOCHS), 1500)
