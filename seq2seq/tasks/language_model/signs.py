"""How a language model fails, from its validations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seq2seq.tasks.signs import overfitting, share_sign
from seq2seq.training.reports.signs import Sign

MIN_TOKENS = 1000
"""Of fewer tokens their frequencies say little."""

MAX_OF_FREQUENCIES = 0.98
"""A loss of more than this part of what frequencies alone give is a sign."""


def frequency_statistics(loss: float, ids: np.ndarray, lines: int) -> dict[str, float]:
    """``of_frequencies``: the loss as a part of the entropy of the corpus' own frequencies, ends of lines counted: no
    model that takes no notice of what came before comes below 1.

    Args:
      loss: in nats per token.
      ids: of all tokens, without the ends.
      lines: how many there are.
    """
    counts = np.append(np.bincount(np.asarray(ids, np.int64)), lines).astype(np.float64)
    total = counts.sum()
    shares = counts[counts > 0] / total
    entropy = float(-(shares * np.log(shares)).sum())
    return {"of_frequencies": loss / entropy} if total >= MIN_TOKENS and entropy > 0.0 else {}


no_context = share_sign(
    "of_frequencies",
    MAX_OF_FREQUENCIES,
    "The validation loss is {:.0%} of what the frequencies of the tokens alone give: the model takes no notice of what"
    " came before. Try another optimizer.learning_rate, less dropout, smaller batches (data.batch.size) or"
    " more epochs.",
)
"""A model that has learnt which tokens are common, and nothing else."""

LANGUAGE_MODEL_SIGNS: Mapping[str, Sign] = {"no_context": no_context, "overfitting": overfitting}
"""By name."""
