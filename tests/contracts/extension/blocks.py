"""The code blocks of docs/extending.md, which the tests beside this file run: what is documented is what works."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "extending.md"


def code_of(section: str) -> str:
    """The Python blocks under the heading `## section`, joined; a section ends where the next one begins.

    Raises:
        LookupError: the page has no such heading, or no Python under it.
    """
    _, _, rest = f"\n{PAGE.read_text(encoding='utf-8')}".partition(f"\n## {section}\n")
    blocks = re.findall(r"^```python\n(.*?)^```$", re.split(r"^## ", rest, flags=re.M)[0], re.M | re.S)
    if blocks:
        return "\n\n".join(blocks)
    raise LookupError(f"no Python under '## {section}' in docs/extending.md")
