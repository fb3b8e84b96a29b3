"""Blocks are found by their heading."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.extension import blocks


def test_the_python_of_one_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "PAGE", tmp_path / "extending.md")
    (tmp_path / "extending.md").write_text(
        "## A\n```python\na = 1\n# ## A\n```\n```sh\nls\n```\n### More\n```python\nb = 2\n```\n## B\nText.\n"
    )
    assert blocks.code_of("A") == "a = 1\n# ## A\n\n\nb = 2\n"
    for section in ("B", "C", "# More"):
        with pytest.raises(LookupError, match=section):
            blocks.code_of(section)
