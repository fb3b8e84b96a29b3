"""What an example adds is gone after its test."""

from __future__ import annotations

import copy

import pytest
from hydra.core.config_store import ConfigStore

from seq2seq.config.compose import compose


@pytest.fixture(autouse=True)
def choices_as_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Composing stores the choices that tables have at the time, for the life of the process."""
    compose([])  # what Hydra itself stores when it is first used
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", copy.deepcopy(store.repo))
