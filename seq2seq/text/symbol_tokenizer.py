"""What tokenizers with a plain list of symbols have in common."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from seq2seq.errors import UserError, require_several
from seq2seq.text.files import read_content, write_tokenizer
from seq2seq.text.normalizer import Normalizer
from seq2seq.text.tokenizer import END_ID, PAD_ID, START_ID, UNKNOWN_ID, UNKNOWN_TEXT, GraphForm

if TYPE_CHECKING:
    import tensorflow as tf

SPECIAL_PIECES = ("<pad>", "<unk>", "<s>", "</s>")  # in the order of their ids
Self = TypeVar("Self", bound="SymbolTokenizer")


class SymbolTokenizer(ABC):
    """A tokenizer whose vocabulary is a list of symbols; a subclass says how text splits and joins, and calls itself a
    `kind`.

    Args:
        symbols: the vocabulary without the special ids, in the order of the ids.
        normalizer: what happens to text first.
    """

    kind: ClassVar[str]
    suffix: ClassVar[str] = ".vocab"
    takes: ClassVar[frozenset[str]] = frozenset()
    min_coverage: ClassVar[float] = 0.0
    pad_id = PAD_ID
    unknown_id = UNKNOWN_ID
    start_id = START_ID
    end_id = END_ID

    def __init__(self, symbols: Sequence[str], normalizer: Normalizer) -> None:
        self.normalizer = normalizer
        self._symbols = list(symbols)
        self._pieces = [*SPECIAL_PIECES, *symbols]
        # Special ids have no spelling: a text that holds "</s>" must not end a sentence.
        self._ids = {symbol: i for i, symbol in enumerate(symbols, start=len(SPECIAL_PIECES))}

    @classmethod
    @abstractmethod
    def split(cls, text: str) -> Sequence[str]:
        """The symbols of a normalised text."""

    @classmethod
    @abstractmethod
    def join(cls, symbols: Sequence[str]) -> str:
        """The text that symbols make."""

    @classmethod
    def split_in_graph(cls, texts: tf.Tensor) -> tf.RaggedTensor:
        """The symbols `[B, (S)]` of normalised texts `[B]`, as part of a graph.

        Raises:
            UserError: nobody has written down how.
        """
        raise UserError(f"A {cls.kind} tokenizer has no form in a graph")

    @classmethod
    def train(
        cls: type[Self],
        texts: Iterable[str],
        *,
        vocabulary_size: int,
        normalizer: Normalizer,
        character_coverage: float = 1.0,
    ) -> Self:
        """Takes the most frequent symbols, ties in code point order.

        Args:
            texts: the training text; it is read once, and only its distinct symbols are held in memory.
            vocabulary_size: the most ids to have, the special ones included.
            normalizer: what happens to text first.
            character_coverage: stop as soon as this share of the text is covered.

        Raises:
            UserError: the text holds no symbol.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(cls.split(normalizer(text)))
        if not counts:
            raise UserError("The tokenizer cannot be trained: its training text is empty.")
        wanted = character_coverage * sum(counts.values())
        covered = 0
        symbols: list[str] = []
        for symbol, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            if covered >= wanted or len(symbols) == vocabulary_size - len(SPECIAL_PIECES):
                break
            covered += count
            symbols.append(symbol)
        return cls(symbols, normalizer)

    @classmethod
    def load(cls: type[Self], path: Path, normalizer: Normalizer) -> Self:
        """Reads what `save` wrote.

        Raises:
            UserError: the file cannot be read or is not UTF-8.
        """
        try:
            lines = read_content(path).decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise UserError(f"The vocabulary {path} is not UTF-8.") from error
        return cls(lines[:-1], normalizer)

    @property
    def vocabulary_size(self) -> int:
        return len(self._pieces)

    @property
    def fingerprint(self) -> str:
        parts = repr((self.kind, self.normalizer, self._symbols))
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        require_several(texts, "texts")
        return [[self._ids.get(s, UNKNOWN_ID) for s in self.split(self.normalizer(text))] for text in texts]

    def sample(self, texts: Sequence[str], *, alpha: float, nbest: int, seed: int) -> list[list[int]]:
        raise UserError(f"A {self.kind} tokenizer cannot sample; subword sampling needs unigram or bpe.")

    def in_graph(self) -> GraphForm:
        from seq2seq.text.symbols_in_graph import SymbolsInGraph

        ids = range(len(SPECIAL_PIECES), self.vocabulary_size)
        return SymbolsInGraph(self._symbols, ids, self.unknown_id, self.split_in_graph)

    def decode(self, ids: Iterable[Sequence[int]]) -> list[str]:
        return [self.join([self._text(i) for i in row if i not in (PAD_ID, START_ID, END_ID)]) for row in ids]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        return [self._pieces[i] for i in ids]

    def save(self, directory: Path, name: str) -> None:
        content = "".join(f"{symbol}\n" for symbol in self._symbols).encode()
        write_tokenizer(
            directory, name, suffix=self.suffix, content=content, kind=self.kind, normalizer=self.normalizer
        )

    def _text(self, piece_id: int) -> str:
        return UNKNOWN_TEXT if piece_id == UNKNOWN_ID else self._pieces[piece_id]
