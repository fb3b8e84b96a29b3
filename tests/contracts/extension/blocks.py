"""The code blocks of docs/extending*.md, which the tests beside this file run: what is documented is what works."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def code_of(section: str) -> str:
    """The Python blocks under the heading `## section`, joined; a section ends where the next one begins.

    Raises:
        LookupError: no page has that heading, or there is no Python under it.
    """
    for page in sorted(DOCS.glob("extending*.md")):
        text = page.read_text(encoding="utf-8")
        _, heading, rest = f"\n{text}".partition(f"\n## {section}\n")
        if heading:
            blocks = re.findall(
                r"^```python\n(.*?)^```$", re.split(r"^## ", rest, flags=re.M)[0], re.M | re.S
            )
            if blocks:
                return "\n\n".join(blocks)
    raise LookupError(f"no Python under '## {section}' in docs/extending*.md")
