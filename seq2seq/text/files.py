"""How a tokenizer is kept on disk: its vocabulary, and beside it `name.json`, written last."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import NamedTuple

from seq2seq.errors import UserError
from seq2seq.files import make_folder, write_atomically, write_json
from seq2seq.text.normalizer import Normalizer


class Description(NamedTuple):
    """What is known of a tokenizer besides its vocabulary, and the CRC-32 of that (which early versions did not
    write)."""

    kind: str
    normalizer: Normalizer
    checksum: int | None


def write_tokenizer(
    directory: Path, name: str, *, suffix: str, content: bytes, kind: str, normalizer: Normalizer
) -> None:
    """Writes `name` + `suffix` and `name.json`, each complete or not at all.

    Raises:
        UserError: the folder cannot be written to.
    """
    description = {
        "kind": kind,
        "normalization": normalizer.normalization,
        "lowercase": normalizer.lowercase,
        "checksum": zlib.crc32(content),
    }
    make_folder(directory)
    write_atomically(directory / f"{name}{suffix}", content)
    write_json(directory / f"{name}.json", description)


def read_description(directory: Path, name: str) -> Description:
    """What `name.json` says.

    Raises:
        UserError: there is no such file, or it is not one of ours.
    """
    path = directory / f"{name}.json"
    try:
        description = json.loads(path.read_bytes())
        normalizer = Normalizer(description["normalization"], description["lowercase"])
        return Description(description["kind"], normalizer, description.get("checksum"))
    except OSError as error:
        raise UserError(f"Cannot read the tokenizer {path}: {error.strerror}.") from error
    except (AttributeError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not the description of a tokenizer.") from error


def read_content(path: Path) -> bytes:
    """The bytes of a model or vocabulary.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read the tokenizer {path}: {error.strerror}.") from error
