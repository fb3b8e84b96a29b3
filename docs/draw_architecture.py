"""Draws the packages and what they import as the picture in docs/architecture.md.

    python docs/draw_architecture.py            # writes it
    python docs/draw_architecture.py --check    # fails where it is not that of the code

Levels are those of the import contract in pyproject.toml, from the top down. An arrow is an import; those that follow
from others (A → B → C makes A → C) are left out.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import grimp

PACKAGE = "seq2seq"
ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
START, END = "<!-- drawn by draw_architecture.py -->\n", "<!-- end -->\n"


def levels() -> list[list[str]]:
    """The names of packages and modules, from the top level down."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r'name = "Imports point down".*?layers = \[\n(.*?)\n\]', text, re.DOTALL)
    assert block is not None
    return [re.findall(rf"{PACKAGE}\.(\w+)", line) for line in block.group(1).splitlines()]


def arrows(names: list[str]) -> set[tuple[str, str]]:
    """Which imports which, without those that follow from others."""
    graph = grimp.build_graph(PACKAGE)
    below: dict[str, set[str]] = {name: set() for name in names}
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            pair = [module.split(".")[1] if "." in module else module for module in (importer, imported)]
            if pair[0] != pair[1] and all(name in below for name in pair):
                below[pair[0]].add(pair[1])

    def reached(name: str) -> set[str]:
        return set().union(*({child} | reached(child) for child in below[name]), set())

    return {
        (name, child)
        for name in names
        for child in below[name]
        if not any(child in reached(other) for other in below[name] - {child})
    }


def picture() -> str:
    """A Mermaid flow chart."""
    rows = levels()
    names = [name for row in rows for name in row]
    lines = ["```mermaid", "flowchart TD"]
    for number, row in enumerate(rows):
        lines += [f"    subgraph level{number}[ ]", "        direction LR"]
        lines += [f"        {name}" for name in row]
        lines += ["    end"]
    lines += [f"    {above} --> {below}" for above, below in sorted(arrows(names))]
    return "\n".join([*lines, "```", ""])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where it would change"
    )
    check = parser.parse_args().check
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(START)
    _, after = rest.split(END)
    drawn = f"{before}{START}{picture()}{END}{after}"
    if drawn == page:
        return 0
    if check:
        sys.stderr.write(
            f"{PAGE.relative_to(ROOT)} is not what the code is; run python docs/{Path(__file__).name}\n"
        )
        return 1
    PAGE.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
