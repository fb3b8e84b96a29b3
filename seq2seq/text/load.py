"""One way in to load a tokenizer of any kind."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seq2seq.config.tables import TOKENIZERS
from seq2seq.errors import UserError
from seq2seq.text.files import read_content, read_description
from seq2seq.text.tokenizer import Tokenizer


def load_tokenizer(directory: str | Path, name: str, kinds: Iterable[Any] = TOKENIZERS.values()) -> Tokenizer:
    """Loads what `Tokenizer.save(directory, name)` wrote.

    Args:
        directory: the folder.
        name: of the files in it.
        kinds: the classes that it may be of.

    Raises:
        UserError: it is not there, or not readable as a tokenizer.
    """
    directory = Path(directory)
    kind, normalizer, checksum = read_description(directory, name)
    tokenizer = next((each for each in kinds if each.kind == kind), None)
    if tokenizer is None:
        raise UserError(
            f"{directory / name}.json tells of a {kind} tokenizer, which this version does not know."
        )
    path = directory / f"{name}{tokenizer.suffix}"
    content = read_content(path)
    if checksum is not None and zlib.crc32(content) != checksum:
        raise UserError(f"{path} is damaged: it is not what was written.")
    loaded: Tokenizer = tokenizer.load(path, normalizer)
    return loaded
