"""Sizes of a translation model and of its training, from what there is to learn from.

Of little text much is learnt by heart: a small vocabulary, so that each piece is seen often, small batches, for more
updates, and dropout matter more than the size of the layers (Sennrich & Zhang 2019, arXiv:1905.11901).
"""

from __future__ import annotations

from typing import NamedTuple

from seq2seq.config.auto import Decision
from seq2seq.config.groups.model import Tie
from seq2seq.config.root import TrainConfig
from seq2seq.tasks.sizes import TextCounts, by_amount, text_sizes, vocabulary_size

INFINITE = float("inf")


class _Model(NamedTuple):
    embedding: int
    encoder: int
    decoder: int
    layers: int
    dropout: float
    learning_rate: float


_CLOSED = _Model(128, 128, 256, 1, 0.1, 2e-3)
_MODELS = (  # below so many running words
    (5e6, _Model(256, 256, 512, 1, 0.3, 2e-3)),
    (5e7, _Model(512, 512, 1024, 1, 0.2, 1e-3)),
    (INFINITE, _Model(512, 512, 1024, 2, 0.1, 1e-3)),
)
_TOKENS = (4e5, 1024), (2e6, 2048), (INFINITE, 4096)
_EXAMPLES = (4e5, 64), (2e6, 64), (INFINITE, 128)
_EPOCHS = (2e6, 10), (5e7, 8), (INFINITE, 5)


def translation_sizes(config: TrainConfig, counts: TextCounts) -> dict[str, Decision]:
    """Decisions of all but the run's length."""
    model: _Model = _CLOSED if counts.closed else by_amount(counts.words, *_MODELS)
    tie = Tie.all if config.data.tokenizer.shared else Tie.target_output
    values = {
        "model.embedding.size": model.embedding,
        "model.embedding.tie": tie,
        "model.embedding.dropout": model.dropout,
        "model.encoder.layers": model.layers,
        "model.encoder.units": model.encoder,
        "model.encoder.dropout": model.dropout,
        "model.encoder.output_dropout": model.dropout,
        "model.decoder.layers": model.layers,
        "model.decoder.units": model.decoder,
        "model.decoder.dropout": model.dropout if model.layers > 1 else 0.0,
        "model.decoder.attention.layer_size": model.embedding,
        "model.decoder.attention.dropout": model.dropout,
        "optimizer.learning_rate": model.learning_rate,
    }
    return text_sizes(
        config, counts, values, pieces=vocabulary_size(counts), tokens=_TOKENS, examples=_EXAMPLES
    )


def epochs_and_least(counts: TextCounts) -> tuple[int, int]:
    """How often to read the data, and how many updates it takes in any case."""
    if counts.closed:
        return 8, 1500
    return by_amount(counts.words, *_EPOCHS), 2500
