"""How a tokenizer is kept on disk: its vocabulary, and beside it `name.json`, written last."""

from __future__ import annotations

import json
import os
from pathlib import Path

from seq2seq.errors import UserError
from seq2seq.text.normalizer import Normalizer


def write_tokenizer(
    directory: Path, name: str, *, suffix: str, content: bytes, kind: str, normalizer: Normalizer
) -> None:
    """Writes `name` + `suffix` and `name.json`, each whole or not at all.

    Raises:
        UserError: the folder cannot be written to.
    """
    description = {"kind": kind, "normalization": normalizer.normalization, "lowercase": normalizer.lowercase}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write_whole(directory / f"{name}{suffix}", content)
        _write_whole(directory / f"{name}.json", json.dumps(description, indent=2).encode() + b"\n")
    except OSError as error:
        raise UserError(f"Cannot write the tokenizer {directory / name}: {error.strerror}.") from error


def read_description(directory: Path, name: str) -> tuple[str, Normalizer]:
    """The kind and the normalisation that `name.json` tells.

    Raises:
        UserError: there is no such file, or it is not one of ours.
    """
    path = directory / f"{name}.json"
    try:
        description = json.loads(path.read_bytes())
        return description["kind"], Normalizer(description["normalization"], description["lowercase"])
    except OSError as error:
        raise UserError(f"Cannot read the tokenizer {path}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
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


def _write_whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
