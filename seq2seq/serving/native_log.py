"""Lines that libraries write past Python."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

SENTENCEPIECE_NOTE = b"precompiled_charsmap is empty"
"""TensorFlow Text's copy of SentencePiece says so of every model that leaves normalisation to us; unlike that of the
`sentencepiece` package it has no switch for that."""


@contextmanager
def without_lines(note: bytes) -> Iterator[None]:
    """Within the block no line that holds ``note`` reaches the process's standard error; all others do, at its end."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        standard_error = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
            kept.seek(0)
            os.write(2, b"".join(line for line in kept if note not in line))
