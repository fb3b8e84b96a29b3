"""Files and folders that are on disk complete or not at all, whatever ends when: this process, another, the power.

A failing disk is one sentence to the user. Nothing here needs TensorFlow.
"""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import re
import secrets
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from seq2seq.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

_REMEDY = "check the folder and its disk"
_REMEDIES = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room within that disk's quota",
    errno.EROFS: "choose a folder on a disk that can be written",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
}
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_NO_SYNC = (errno.EINVAL, errno.EOPNOTSUPP)
_UNFINISHED, _LOCK = ".unfinished", ".lock"
_LONGEST = 200  # bytes of a name, to which a prefix and a suffix can be added on every file system
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")
_NOT_PLAIN = re.compile(r"[*?\[\]\\\x00-\x1f\ud800-\udfff]")


class WriteError(UserError):
    """Something could not be written."""


class LockedError(UserError):
    """Another process holds the lock."""


@contextmanager
def writing(what: str, path: Path) -> Iterator[None]:
    """Turns what a disk can do wrong while `what` is written to `path` into a `WriteError`."""
    try:
        yield
    except OSError as error:
        raise _write_error(what, path, error.strerror or str(error)) from error
    except Exception as error:
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is None or not isinstance(error, tensorflow.errors.OpError):
            raise
        raise _write_error(what, path, _reason_of_tensorflow(error.message)) from error


def _write_error(what: str, path: Path, reason: str) -> WriteError:
    remedy = next((text for number, text in _REMEDIES.items() if os.strerror(number) in reason), _REMEDY)
    return WriteError(f"{what} could not be written to {path}: {reason}; {remedy}.")


def _reason_of_tensorflow(message: str) -> str:
    """`No space left on device`, of `{{function_node …}} PATH; No space left on device [Op:SaveV2]`."""
    return re.sub(r" \[Op:\w+\]$", "", message.splitlines()[0]).rsplit("; ", 1)[-1]


# --- folders ---


def make_folder(path: Path) -> Path:
    """Makes `path` and its parents where they are missing."""
    with writing("The folder", path):
        _make_folder(path)
    return path


@contextmanager
def new_folder(path: Path) -> Iterator[None]:
    """Makes `path` and its parents; those that were missing go again where the block fails and leaves them empty."""
    missing = missing_folders(path)
    make_folder(path)
    try:
        yield
    except BaseException:
        remove_empty(missing)
        raise


def missing_folders(path: Path) -> list[Path]:
    """Those of `path` and its parents that are not there, `path` first."""
    return [folder for folder in (path, *path.parents) if not folder.exists()]


def remove_empty(folders: list[Path]) -> None:
    """Removes these folders, each the parent of the one before, up to the first that holds something."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _make_folder(path: Path) -> None:
    missing = missing_folders(path)
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_to_disk(folder.parent)


# --- writing ---


def sync_to_disk(path: Path) -> None:
    """Returns once the file or folder `path` would survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC or not path.is_dir():  # some network disks cannot sync folders
            raise
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a file, text in UTF-8: whatever happens, `path` then holds the old content or the new. A pipe or a device
    is written to, and stays what it is.

    Raises:
        WriteError: it cannot be written; the old content is still there.
    """
    written = content.encode("utf-8") if isinstance(content, str) else content
    if path.is_fifo() or path.is_char_device():
        with writing(path.name, path.parent):
            path.write_bytes(written)
        return
    with writing(path.name, path.parent), _temporary(path.parent, Path.touch) as temporary:
        temporary.write_bytes(written)
        sync_to_disk(temporary)
        temporary.replace(path)
        sync_to_disk(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Writes plain JSON with `write_atomically`, as `to_json` puts it."""
    write_atomically(path, to_json(value, indent=2) + "\n")


def to_json(value: Any, indent: int | None = None) -> str:
    """Plain JSON, which lacks NaN and infinity: they become null."""
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def atomic_directory(path: Path, what: str) -> Iterator[Path]:
    """Gives a folder to write into, which takes the name `path` once the block has ended and all is on disk.

    A folder of that name is replaced. A process that writes the same meanwhile is waited for. What processes that
    were killed have left beside `path` is removed; what others are writing there is not.

    Args:
        path: its parents are made.
        what: is written, for messages.

    Raises:
        WriteError: something could not be written; what was at `path` is still there.
    """
    with _only_writer(path, what), _unfinished(path) as temporary:
        yield temporary


def ensure_directory(
    path: Path, what: str, write: Callable[[Path], None], *, is_complete: Callable[[Path], bool]
) -> None:
    """Lets `write` fill an `atomic_directory`, unless `path` is complete by then: of several processes that want the
    same folder, one writes it.

    Raises:
        WriteError: something could not be written.
    """
    with _only_writer(path, what):
        if not is_complete(path):
            with _unfinished(path) as temporary:
                write(temporary)


@contextmanager
def _only_writer(path: Path, what: str) -> Iterator[None]:
    waiting = f"{what}: another process is writing it, and is waited for."
    lock_file = _hidden(path, _LOCK)
    with new_folder(path.parent), writing(what, path), lock(lock_file, waiting=waiting, remove=True):
        for unfinished in path.parent.glob(f".*{_UNFINISHED}"):
            if unfinished.with_suffix(_LOCK) == lock_file:
                _remove(unfinished)
                continue
            with suppress(LockedError, OSError), lock(unfinished.with_suffix(_LOCK), remove=True):
                _remove(unfinished)
        yield


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    temporary = _hidden(path, _UNFINISHED)
    try:
        temporary.mkdir()
        yield temporary
        for folder, _, names in os.walk(temporary):
            for name in names:
                sync_to_disk(Path(folder, name))
            sync_to_disk(Path(folder))
        _rename(temporary, path)
    finally:
        _remove(temporary)


@contextmanager
def atomic_files(folder: Path, what: str) -> Iterator[Path]:
    """Gives a folder to write files into, which replace those of `folder` once all are on disk, in order of names.

    Raises:
        WriteError: something could not be written.
    """
    with new_folder(folder), writing(what, folder), _temporary(folder, Path.mkdir) as temporary:
        yield temporary
        files = sorted(temporary.iterdir())
        for file in files:
            sync_to_disk(file)
        for file in files:
            file.replace(folder / file.name)
        sync_to_disk(folder)


@contextmanager
def _temporary(folder: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """A hidden file or folder, as `make` makes it, which is gone at the end. What processes that were killed have left
    in `folder` is removed first: each holds its own as long as it lives."""
    for path in folder.glob(".*.tmp"):
        if _TEMPORARY.fullmatch(path.name):
            with suppress(OSError), _held(path, wait=False):
                _remove(path)
    while True:
        path = folder / f".{secrets.token_hex(8)}.tmp"
        make(path)
        try:
            with _held(path, wait=True):
                if not path.exists():  # another process held it first, and took it for left over
                    continue
                yield path
                return
        finally:
            _remove(path)


@contextmanager
def _held(path: Path, *, wait: bool) -> Iterator[None]:
    """Holds a lock on a file or folder itself, which the system frees when the process dies.

    Raises:
        OSError: another process holds it, and `wait` is False; or there are no such locks, and one would not know.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if fcntl is None:
            if not wait:
                raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        else:
            with suppress(OSError) if wait else nullcontext():
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def _hidden(path: Path, suffix: str) -> Path:
    """A sibling that no reader looks at. Names that begin alike may share one, and then its lock too."""
    name = os.fsdecode(os.fsencode(path.name)[:_LONGEST])
    return path.with_name(f".{name}{suffix}")


def _rename(temporary: Path, path: Path) -> None:
    replaced = _hidden(path, f".replaced{_UNFINISHED}")
    _remove(replaced)
    try:
        if path.is_dir() and not path.is_symlink():
            path.rename(replaced)
        temporary.rename(path)
        sync_to_disk(path.parent)
    finally:
        if replaced.is_dir() and not path.is_dir():  # interrupted, too
            replaced.rename(path)
        _remove(replaced)


def _remove(path: Path) -> None:
    """A folder or a file, if it is there."""
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink(missing_ok=True)


# --- reading ---


def file_checksum(path: Path) -> int:
    """CRC-32 of what the file holds.

    Raises:
        OSError: it cannot be read.
    """
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            value = zlib.crc32(block, value)
    return value


# --- locks ---


@contextmanager
def lock(path: Path, *, waiting: str = "", remove: bool = False) -> Iterator[None]:
    """Holds the lock file `path`, which the system frees when a process dies.

    Args:
        path: is made.
        waiting: is logged where another process holds it, which is then waited for.
        remove: the file in the end; processes that wait notice.

    Raises:
        LockedError: another process holds it, and `waiting` is empty.
        OSError: `path` cannot be made.
    """
    file_lock = FileLock(path)
    try:
        _acquire(file_lock, waiting)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        logger.warning("The disk of %s has no locks: see to it that one process alone writes there.", path)
    try:
        yield
    finally:
        if remove:
            path.unlink(missing_ok=True)
        file_lock.release()


def _acquire(file_lock: FileLock, waiting: str) -> None:
    try:
        file_lock.acquire(timeout=0)
    except Timeout as error:
        if not waiting:
            raise LockedError(f"Another process holds {file_lock.lock_file}.") from error
        logger.info(waiting)
        file_lock.acquire()


# --- names ---


def is_plain(path: Path) -> bool:
    """Whether TensorFlow takes a path as it is."""
    return _NOT_PLAIN.search(str(path)) is None


@contextmanager
def plain_path(folder: Path) -> Iterator[Path]:
    """`folder` by a name that TensorFlow takes as it is: it reads `*`, `?` and brackets in a path as a pattern.

    Such a folder is given by a link to it, in a temporary folder, for as long as the block lasts.
    """
    if is_plain(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="seq2seq-") as scratch:
        link = Path(scratch, "folder")
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link
