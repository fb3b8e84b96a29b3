"""Audio that comes through a pipe."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISCHR, S_ISFIFO

from seq2seq.errors import UserError


@contextmanager
def seekable(path: Path) -> Iterator[Path]:
    """The path of a file; of a pipe, in which libsndfile cannot seek, that of a copy of what comes through it.

    Raises:
      UserError: the pipe cannot be read; within the block, what is raised of the copy is said of the pipe.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # whoever opens it says why
        mode = 0
    if not (S_ISFIFO(mode) or S_ISCHR(mode)):
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="seq2seq-pipe-") as copy:
        try:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, copy)
            copy.flush()
        except OSError as error:
            raise UserError(f"Cannot read {path}: {error.strerror}.") from error
        try:
            yield Path(copy.name)
        except UserError as error:
            raise UserError(str(error).replace(copy.name, str(path))) from error
