"""How a classifier fails, from its validations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from seq2seq.tasks.signs import overfitting, share_sign
from seq2seq.tasks.statistics import MIN_OUTPUTS
from seq2seq.training.reports.signs import Sign

MAX_ONE_LABEL = 0.99
"""More texts than this share that are given one label, where fewer have it, are a sign."""


def label_statistics(outputs: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """``one_label``: the share of texts that are given the commonest label; 0 where as many have it."""
    if len(outputs) < MIN_OUTPUTS:
        return {}
    label, given = Counter(outputs).most_common(1)[0]
    true = sum(reference == label for reference in references)
    return {"one_label": given / len(outputs) if true < MAX_ONE_LABEL * len(references) else 0.0}


one_label = share_sign(
    "one_label",
    MAX_ONE_LABEL,
    "{:.0%} of the validation texts are given one and the same label, though fewer have it: the model takes no notice"
    " of its text. Make sure that texts and labels belong together (`seq2seq check`), and try another"
    " optimizer.learning_rate, less dropout (model.head.dropout, model.embedding.dropout) or more epochs.",
)
"""A model that has learnt which label is commonest, and nothing else."""

CLASSIFICATION_SIGNS: Mapping[str, Sign] = {"one_label": one_label, "overfitting": overfitting}
"""By name."""
