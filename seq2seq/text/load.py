"""One way in to load a tokenizer of any kind."""

from __future__ import annotations

from pathlib import Path

from seq2seq.errors import UserError
from seq2seq.text.character_tokenizer import CharacterTokenizer
from seq2seq.text.files import read_description
from seq2seq.text.sentencepiece_tokenizer import SentencePieceTokenizer
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.text.word_tokenizer import WordTokenizer


def load_tokenizer(directory: str | Path, name: str) -> Tokenizer:
    """Loads what `Tokenizer.save(directory, name)` wrote.

    Raises:
        UserError: it is not there, or not readable as a tokenizer.
    """
    directory = Path(directory)
    kind, normalizer = read_description(directory, name)
    if kind == SentencePieceTokenizer.kind:
        return SentencePieceTokenizer.load(directory / f"{name}.model", normalizer)
    for symbols in (WordTokenizer, CharacterTokenizer):
        if kind == symbols.kind:
            return symbols.load(directory / f"{name}.vocab", normalizer)
    raise UserError(f"{directory / name}.json tells of a {kind} tokenizer, which this version does not know.")
