"""Sizes of a classifier and of its training, from what there is to learn from.

A label says little about a text: what keeps a model from learning its texts by heart is dropout (of words, inputs and
the vector of a text) and few weights, more than anything else.
"""

from __future__ import annotations

from typing import NamedTuple

from seq2seq.config.auto import Decision
from seq2seq.config.root import TrainConfig
from seq2seq.tasks.sizes import TextCounts, by_amount, text_sizes, vocabulary_size

INFINITE = float("inf")

VOCABULARY = 8000
"""Of 165,000 words: twice translation's, since a whole word says more about a label than its pieces."""


class _Model(NamedTuple):
    embedding: int
    units: int
    layers: int
    dropout: float
    learning_rate: float


_CLOSED = _Model(64, 64, 1, 0.1, 2e-3)
_MODELS = (  # below so many running words
    (1e6, _Model(128, 128, 1, 0.5, 1e-3)),
    (2e7, _Model(128, 128, 1, 0.4, 1e-3)),
    (INFINITE, _Model(256, 256, 1, 0.2, 1e-3)),
)
_TOKENS = (1e6, 1024), (2e7, 8192), (INFINITE, 16384)
_EXAMPLES = (1e6, 32), (2e7, 64), (INFINITE, 128)
_EPOCHS = (1e6, 8), (2e7, 6), (INFINITE, 3)


def classification_sizes(config: TrainConfig, counts: TextCounts) -> dict[str, Decision]:
    """Decisions of all but the run's length."""
    model: _Model = _CLOSED if counts.closed else by_amount(counts.words, *_MODELS)
    values = {
        "model.embedding.size": model.embedding,
        "model.embedding.dropout": model.dropout,
        "model.encoder.layers": model.layers,
        "model.encoder.units": model.units,
        "model.encoder.dropout": model.dropout,
        "model.head.dropout": model.dropout,
        "optimizer.learning_rate": model.learning_rate,
    }
    return text_sizes(
        config, counts, values, pieces=vocabulary_size(counts, VOCABULARY), tokens=_TOKENS, examples=_EXAMPLES
    )


def epochs_and_least(counts: TextCounts) -> tuple[int, int]:
    """How often to read the data, and how many updates it takes in any case."""
    return (8, 600) if counts.closed else (by_amount(counts.words, *_EPOCHS), 1000)
