"""Several classifiers as one."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from seq2seq.models.ensemble import mean_log_probs
from seq2seq.tasks.classification.model import ClassificationModel


class ClassificationEnsemble(tf.Module):
    """Classifiers of the same labels, whose log-probabilities are what they think together.

    Args:
      members: at least one.
      mean: see ``mean_log_probs``.
    """

    def __init__(self, members: Sequence[ClassificationModel], mean: str) -> None:
        super().__init__(name="ensemble")
        self.members = list(members)
        self.mean = mean

    def log_probs(self, source_ids: tf.Tensor, source_length: tf.Tensor) -> tf.Tensor:
        """See ``ClassificationModel.log_probs``."""
        return mean_log_probs(
            [member.log_probs(source_ids, source_length) for member in self.members], self.mean
        )
