from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], str]


@pytest.fixture
def own_choices(tmp_path: Path) -> Write:
    """Write a file of a user's own choices; returns the folder for `--config-dir`."""

    def write(name: str, text: str) -> str:
        path = tmp_path / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(tmp_path / "conf")

    return write
