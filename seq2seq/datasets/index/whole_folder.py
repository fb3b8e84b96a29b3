"""Folders that are whole or not there, whoever else writes the same and whenever that is killed."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(final: Path, is_whole: Callable[[Path], bool]) -> Iterator[Path]:
    """Gives a folder to write into, which takes the name ``final`` when the block ends well, and else is removed.

    Where another process was faster, its folder stays. What processes of this machine that were killed left behind is
    removed, too.

    Args:
        final: the folder; its parents are made.
        is_whole: whether a folder of that name holds what it should; if not, it is replaced.

    Raises:
        OSError: something cannot be written.
    """
    unfinished = final.with_name(f".{final.name}.{platform.node()}.{os.getpid()}")
    try:
        _remove_abandoned(final.parent)
        unfinished.mkdir(parents=True)
        yield unfinished
        _move(unfinished, final, is_whole)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _move(unfinished: Path, final: Path, is_whole: Callable[[Path], bool]) -> None:
    try:
        unfinished.replace(final)
    except OSError:
        if is_whole(final):
            return
        shutil.rmtree(final, ignore_errors=True)
        unfinished.replace(final)


def _remove_abandoned(directory: Path) -> None:
    for folder in directory.glob(f".*.{platform.node()}.*"):
        process = folder.name.rpartition(".")[2]
        if process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether it is another one's: what this process left behind is abandoned."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs and belongs to somebody else
        return True
    return process != os.getpid()
