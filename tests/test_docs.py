"""The code of the documentation runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def blocks(page: Path) -> str:
    """Its indented blocks, with every other line left blank, so that line numbers of failures are the page's."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return "\n".join(line[4:] if line.startswith("    ") else "" for line in lines)


@pytest.mark.parametrize("name", ["lstm.md"])
def test_the_page_runs_from_top_to_bottom(name: str) -> None:
    page = ROOT / "docs" / name
    exec(compile(blocks(page), str(page), "exec"), {})


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
