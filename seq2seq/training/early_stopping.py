"""Ending a run that no longer gets better."""

from __future__ import annotations

from seq2seq.training.patience import Patience


class EarlyStopping(Patience):
    """Asks for the end of training after `patience` validations in a row of which none was better."""

    @property
    def stop(self) -> bool:
        return self.exhausted
