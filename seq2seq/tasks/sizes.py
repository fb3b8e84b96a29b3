"""What the size of the training data says of model, batches and the length of a run; for all tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from seq2seq.config.auto import Decision
from seq2seq.config.groups.data import BatchType
from seq2seq.config.root import TrainConfig

MANY, OFTEN = 5_000, 50
"""Text of fewer different words than `MANY`, each `OFTEN` to be seen, is of a closed world: numbers, letters."""

MOST_UPDATES = 100_000

SPECIAL_PIECES = 4

PATIENCE = 5
VALIDATIONS = 12
"""In a run, where epochs are much shorter or longer than a part of it."""

SHORT_EPOCH = 50
"""Updates after which a run validates whose epochs have fewer."""

_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)
"""Letters of scripts without spaces, two of which count as a word."""


class TextCounts(NamedTuple):
    """How much text there is.

    Attributes:
        examples: pairs, utterances.
        words: running words, of all texts of an example.
        distinct: different ones.
        characters: different ones.
    """

    examples: int
    words: int
    distinct: int
    characters: int

    def __str__(self) -> str:
        return f"{self.examples:,} examples, {self.words:,} words, {self.distinct:,} different ones"

    @property
    def closed(self) -> bool:
        """Whether it is of a closed world."""
        return self.distinct < MANY and self.words >= OFTEN * self.distinct


def count_text(examples: Iterable[Iterable[str]]) -> TextCounts:
    """Reads all texts once; memory grows with the different words."""
    count = words = 0
    distinct: set[str] = set()
    characters: set[str] = set()
    for texts in examples:
        count += 1
        for text in texts:
            pieces = text.split()
            distinct.update(pieces)
            characters.update(text)
            words += len(pieces) + len(_UNSPACED.findall(text)) // 2
    return TextCounts(count, words, len(distinct), len(characters))


def by_amount(amount: float, *steps: tuple[float, Any]) -> Any:
    """The value of the first step, ``(limit, value)``, whose limit is above an amount."""
    return next(value for limit, value in steps if amount < limit)


def vocabulary_size(counts: TextCounts, at_165_000: int = 4000) -> int:
    """4,000, or as many as are given, for 165,000 words, growing with the power 0.4 of them; where there are thousands
    of characters, at least half as many beside them; no more than there are characters and words."""
    wanted = at_165_000 * (counts.words / 165_000) ** 0.4
    rounded = int(min(max(round(wanted / 500) * 500, 1000), 32_000))
    pieces = max(rounded, counts.characters + rounded // 2)
    return max(min(pieces, counts.characters + counts.distinct + SPECIAL_PIECES), SPECIAL_PIECES + 1)


def text_sizes(
    config: TrainConfig,
    counts: TextCounts,
    values: Mapping[str, Any],
    *,
    pieces: int,
    tokens: Sequence[tuple[float, int]],
    examples: Sequence[tuple[float, int]],
) -> dict[str, Decision]:
    """Decisions by the amount of text.

    Args:
        values: of keys.
        pieces: of a vocabulary. tokens, examples: of a batch, whichever `data.batch.type` counts, as of `by_amount`.
    """
    batches = tokens if config.data.batch.type is BatchType.tokens else examples
    decided = {
        "data.tokenizer.vocabulary_size": pieces,
        "data.batch.size": by_amount(counts.words, *batches),
        **values,
    }
    amount = f"{counts.words:,} words, {counts.distinct:,} different ones"
    return {key: Decision(value, amount) for key, value in decided.items()}


def run_length(
    steps_per_epoch: int, *, epochs: int, least: int, most: int = MOST_UPDATES
) -> dict[str, Decision]:
    """So many epochs, but no fewer and no more updates than so many; validations at a good distance."""
    steps = max(min(max(epochs * steps_per_epoch, least), most), 1)
    told = f"{steps / steps_per_epoch:.3g} epochs of {steps_per_epoch:,} updates"
    between = steps_per_epoch if steps / 20 <= steps_per_epoch <= steps / 5 else max(steps // VALIDATIONS, 1)
    often = "after each epoch" if between == steps_per_epoch else f"{steps / between:.0f} times in the run"
    return {
        "training.max_steps": Decision(steps, told),
        "training.validate_every": Decision(0 if between == steps_per_epoch else between, often),
        "training.early_stopping.patience": Decision(PATIENCE, "the run ends when it gets no better"),
    }


def given_length(steps: int, steps_per_epoch: int) -> dict[str, Decision]:
    """When a run whose length is given validates: after each epoch, unless epochs are of a few updates."""
    between = min(max(steps // VALIDATIONS, 1), SHORT_EPOCH)
    if between <= steps_per_epoch:
        return {}
    return {"training.validate_every": Decision(between, f"an epoch has {steps_per_epoch:,} updates")}
