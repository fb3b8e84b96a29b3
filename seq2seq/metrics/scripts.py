"""Which writing system a text is in, as far as it decides what its words are."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

#: The first word of a character's Unicode name, for those of writing systems without spaces, and Korean's.
_SCRIPTS = {
    "CJK": "Han",
    "IDEOGRAPHIC": "Han",
    "HIRAGANA": "Kana",
    "KATAKANA": "Kana",
    "HANGUL": "Korean",
    "THAI": "Thai",
    "LAO": "Lao",
    "KHMER": "Khmer",
    "MYANMAR": "Burmese",
    "TIBETAN": "Tibetan",
}
_MIN_KANA = 0.2  # of Han and Kana: a name in Kana makes no Chinese text Japanese
_MIN_SHARE = 0.25  # of all letters: one of Latin script says less than a Chinese one


@lru_cache(maxsize=2**16)
def _script(character: str) -> str:
    if not character.isalpha():
        return ""
    return _SCRIPTS.get(unicodedata.name(character, "").split(" ")[0], "other")


def script_counts(texts: Iterable[str]) -> Counter[str]:
    """How many letters are of each of `_SCRIPTS`' values, or ``other``."""
    counts = Counter(map(_script, "".join(texts)))
    del counts[""]
    return counts


def main_language(texts: Iterable[str]) -> str | None:
    """The language, by its script, that a text is in for the most part.

    Returns:
      ``Chinese``, ``Japanese``, ``Korean``, ``Thai``, ``Lao``, ``Khmer``, ``Burmese``, ``Tibetan``; None for others,
      whose words have spaces between them.
    """
    counts = script_counts(texts)
    letters = sum(counts.values())
    east_asian = counts.pop("Han", 0), counts.pop("Kana", 0)
    if sum(east_asian):
        counts["Japanese" if east_asian[1] > _MIN_KANA * sum(east_asian) else "Chinese"] = sum(east_asian)
    del counts["other"]
    language = max(counts, key=counts.__getitem__, default=None)
    return language if language and counts[language] >= _MIN_SHARE * letters else None
