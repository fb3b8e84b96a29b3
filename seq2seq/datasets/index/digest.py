"""Digests of what training reads, by which a run that goes on knows its data again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from seq2seq.errors import UserError

_BLOCK = 1 << 20  # bytes


def digest_of(*parts: np.ndarray | str) -> str:
    """Of arrays (shape, dtype and values) and texts, in their order; 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        kind, content = ("text", part.encode()) if isinstance(part, str) else (_kind(part), part.tobytes())
        digest.update(f"{kind} {len(content)};".encode())
        digest.update(content)
    return digest.hexdigest()


def _kind(array: np.ndarray) -> str:
    return f"{array.dtype.str} {array.shape}"


def content_hash(path: Path) -> str:
    """Of the bytes of a file.

    Raises:
        UserError: it cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    return digest.hexdigest()
