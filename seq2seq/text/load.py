"""One way in to load a tokenizer of any kind."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from seq2seq.errors import UserError
from seq2seq.text.character_tokenizer import CharacterTokenizer
from seq2seq.text.files import read_content, read_description
from seq2seq.text.sentencepiece_tokenizer import SentencePieceTokenizer
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.text.word_tokenizer import WordTokenizer

_SUFFIXES: dict[Any, str] = {
    SentencePieceTokenizer: ".model",
    WordTokenizer: ".vocab",
    CharacterTokenizer: ".vocab",
}


def load_tokenizer(directory: str | Path, name: str) -> Tokenizer:
    """Loads what `Tokenizer.save(directory, name)` wrote.

    Raises:
        UserError: it is not there, or not readable as a tokenizer.
    """
    directory = Path(directory)
    kind, normalizer, checksum = read_description(directory, name)
    for tokenizer, suffix in _SUFFIXES.items():
        if kind == tokenizer.kind:
            path = directory / f"{name}{suffix}"
            content = read_content(path)
            if checksum is not None and zlib.crc32(content) != checksum:
                raise UserError(f"{path} is damaged: it is not what was written.")
            return tokenizer.load(path, normalizer)
    raise UserError(f"{directory / name}.json tells of a {kind} tokenizer, which this version does not know.")
