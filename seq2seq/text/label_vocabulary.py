"""The labels of a classifier, in the form of a tokenizer: a label is a text of one token."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from seq2seq.errors import UserError
from seq2seq.text.files import read_content, write_tokenizer
from seq2seq.text.normalizer import Normalizer
from seq2seq.text.tokenizer import GraphForm


class LabelVocabulary:
    """Labels, whose ids are their places in the order of their names; see `Tokenizer`.

    There are no special ids: what has to be given for them stands where nothing is read.

    Args:
        labels: in any order; each may come more than once.
    """

    kind: ClassVar[str] = "labels"
    suffix: ClassVar[str] = ".txt"
    takes: ClassVar[frozenset[str]] = frozenset()
    min_coverage: ClassVar[float] = 0.0
    normalizer = Normalizer()  # runs of white space become one space
    pad_id = start_id = end_id = 0
    unknown_id = -1

    def __init__(self, labels: Iterable[str]) -> None:
        self.labels = sorted(set(map(self.normalizer, labels)))
        self._ids = {label: number for number, label in enumerate(self.labels)}

    def __contains__(self, label: str) -> bool:
        return self.normalizer(label) in self._ids

    @property
    def vocabulary_size(self) -> int:
        return len(self.labels)

    @property
    def fingerprint(self) -> str:
        return hashlib.blake2b(repr((self.kind, self.labels)).encode(), digest_size=16).hexdigest()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """One id for each label.

        Raises:
            UserError: there is no such label.
        """
        unknown = next((text for text in texts if text not in self), None)
        if unknown is not None:
            raise UserError(f"There is no label {unknown!r}.")
        return [[self._ids[self.normalizer(text)]] for text in texts]

    def sample(self, texts: Sequence[str], *, alpha: float, nbest: int, seed: int) -> list[list[int]]:
        """As `encode`: a label is cut in one way only."""
        return self.encode(texts)

    def decode(self, ids: Iterable[Sequence[int]]) -> list[str]:
        return [" ".join(self.pieces(row)) for row in ids]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        return [self.labels[i] for i in ids]

    def save(self, directory: Path, name: str) -> None:
        content = "".join(f"{label}\n" for label in self.labels).encode()
        write_tokenizer(
            directory, name, suffix=self.suffix, content=content, kind=self.kind, normalizer=self.normalizer
        )

    @classmethod
    def load(cls, path: Path, normalizer: Normalizer) -> LabelVocabulary:
        """Reads what `save` wrote.

        Raises:
            UserError: the file cannot be read or is not UTF-8.
        """
        try:
            return cls(read_content(path).decode("utf-8").split("\n")[:-1])
        except UnicodeDecodeError as error:
            raise UserError(f"The labels {path} are not UTF-8.") from error

    def in_graph(self) -> GraphForm:
        raise UserError("Labels have no form in a graph")
