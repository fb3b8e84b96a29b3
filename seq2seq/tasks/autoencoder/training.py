"""What the training loop asks of the autoencoder."""

from __future__ import annotations

from seq2seq.tasks.translation.training import TranslationTraining


class AutoencoderTraining(TranslationTraining):
    """What the training loop asks of the autoencoder; see ``TrainingTask``."""

    least_updates = (400, "few models learn to write a line again")
