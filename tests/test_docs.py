"""The code of the documentation runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seq2seq.config.compose import compose

ROOT = Path(__file__).parents[1]


def blocks(page: Path) -> str:
    """Its indented blocks, with every other line left blank, so that line numbers of failures are the page's."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return "\n".join(line[4:] if line.startswith("    ") else "" for line in lines)


@pytest.mark.parametrize("name", ["lstm.md", "speech.md"])
def test_the_page_runs_from_top_to_bottom(name: str) -> None:
    page = ROOT / "docs" / name
    exec(compile(blocks(page), str(page), "exec"), {})


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_keys_of_speech_exist() -> None:
    config = compose(["task=speech"])
    text = (ROOT / "docs" / "speech.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"(?<![\w./])(?:data|model|task|search)\.[a-z_]+(?:\.[a-z_]+)*", text))
    assert {"data.broken_audio", "search.max_seconds", "model.features.sample_rate"} <= keys
    for key in keys:
        value: Any = config
        for part in key.split("."):
            assert hasattr(value, part), key
            value = getattr(value, part)
