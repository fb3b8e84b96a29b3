"""Writing files so that a reader never sees half of one, and so that a failing disk is one sentence to the
user."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

from seq2seq.errors import UserError

_REMEDY = "check the folder and its disk"
_REMEDIES = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room within that disk's quota",
    errno.EROFS: "choose a run folder on a disk that can be written",
    errno.EACCES: "choose a run folder that you may write to",
    errno.EPERM: "choose a run folder that you may write to",
}


@contextmanager
def writing(what: str, path: Path) -> Iterator[None]:
    """Turns what a disk can do wrong while `what` is written to `path` into a `UserError`."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else _reason_of_tensorflow(error)
        remedy = next((text for number, text in _REMEDIES.items() if os.strerror(number) in reason), _REMEDY)
        raise UserError(
            f"{what} could not be written to {path}: {reason}; {remedy}, then start again."
        ) from error


def _reason_of_tensorflow(error: tf.errors.OpError) -> str:
    """`No space left on device`, of `{{function_node …}} PATH; No space left on device [Op:SaveV2]`."""
    first_line = error.message.splitlines()[0]
    return re.sub(r" \[Op:\w+\]$", "", first_line).rsplit("; ", 1)[-1]


def make_folder(path: Path) -> Path:
    """Makes `path` and its parents where they are missing."""
    with writing("The folder", path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def sync_to_disk(path: Path) -> None:
    """Returns once the file or folder `path` would survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, text: str) -> None:
    """Writes `text` under a temporary name and renames it: `path` holds the old text or the new, never a
    part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path.name, path.parent):
        try:
            temporary.write_text(text, encoding="utf-8")
            sync_to_disk(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    write_atomically(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
