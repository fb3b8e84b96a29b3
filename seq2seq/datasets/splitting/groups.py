"""Which examples of a corpus have to be in one split: those that share a text, directly or through others."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import numpy as np


class _WithoutPunctuation(dict[int, str]):
    """For `str.translate`: what is punctuation, a space or a control character goes."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = "" if unicodedata.category(character)[0] in "PZC" else character
        return self[code]


_WITHOUT_PUNCTUATION = _WithoutPunctuation()


def normalized(text: str) -> str:
    """What two texts have in common that are the same but for case, Unicode form, spaces and punctuation.

    Empty only of a text that is blank: one of punctuation alone stands for itself.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return folded.translate(_WITHOUT_PUNCTUATION) or "".join(folded.split())


def digest(*texts: str) -> int:
    """64 bits that depend on these texts alone, in every process."""
    content = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")


class Groups:
    """Examples with a key in common are of one group, and so are those of examples between them (union-find).

    Memory grows with the number of different keys; these themselves are not kept.
    """

    def __init__(self) -> None:
        self._nodes: dict[int, int] = {}  # by the digest of a key
        self._parents: list[int] = []
        self._examples: list[int] = []  # a node of each
        self._digests: list[int] = []

    def add(self, keys: Sequence[str], texts: Iterable[str]) -> None:
        """The next example.

        Args:
          keys: at least one, each with what kind it is: `source:…`.
          texts: which tell it from others.
        """
        first, *others = (self._node(digest(key)) for key in keys)
        root = self._root(first)
        for node in others:
            self._parents[self._root(node)] = root
        self._examples.append(first)
        self._digests.append(digest(*texts))

    def numbers(self) -> np.ndarray:
        """The number of each example's group, ``[N]``, from 0."""
        roots = [self._root(node) for node in self._examples]
        return np.unique(roots, return_inverse=True)[1]

    def names(self, numbers: np.ndarray) -> np.ndarray:
        """A digest of each group, ``[G]``: the smallest of its examples, so that their order does not matter.

        Args:
          numbers: of `numbers`.
        """
        names = np.full(numbers.max() + 1, np.iinfo(np.uint64).max)
        np.minimum.at(names, numbers, np.asarray(self._digests, dtype=np.uint64))
        return names

    def _node(self, key: int) -> int:
        node = self._nodes.setdefault(key, len(self._parents))
        if node == len(self._parents):
            self._parents.append(node)
        return node

    def _root(self, node: int) -> int:
        parents = self._parents
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node
