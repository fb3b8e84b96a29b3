"""Files and functions are small; docs/architecture.md lists those that are not, with reasons."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("seq2seq", "benchmarks", "data", "docs", "tests")


def long_functions(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 60:
            yield str(path.relative_to(ROOT / "seq2seq")), node.name


def test_long_functions_are_listed() -> None:
    found = {each for path in (ROOT / "seq2seq").rglob("*.py") for each in long_functions(path)}
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = set()
    for line in page.partition("## Sizes")[2].splitlines():
        if line.startswith("| `"):
            file, *names = re.findall(r"`([^`]*)`", line.split("|")[1])
            listed |= {(file, name) for name in names}
    assert found == listed


def test_no_file_is_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    }
    assert [path for path, length in lengths.items() if length > 400] == ["data/make_translation.py"]
