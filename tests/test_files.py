"""What is written is complete or not there, for whoever looks, whatever it is called."""

from __future__ import annotations

import errno
import itertools
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import tensorflow as tf

from seq2seq import files
from seq2seq.files import (
    LockedError,
    WriteError,
    atomic_directory,
    atomic_files,
    ensure_directory,
    lock,
    new_folder,
    plain_path,
    to_json,
    write_atomically,
)

NAMES = ["run [best]", "a*b", "x?y", "it's", 'say "a"', "a=b", "#1 50%", "übung", "{a,b}", "back\\slash",
         "two\nlines", " led", "~", os.fsdecode(b"latin-\xff"), "n" * 255]  # fmt: skip


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fill(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "file").write_text("new")


def fill_and_fail(folder: Path) -> None:
    fill(folder)
    raise ZeroDivisionError


def run_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_that_the_file_system_takes(tmp_path: Path, name: str) -> None:
    with atomic_directory(tmp_path / name, "It") as folder:
        fill(folder)
    write_atomically(tmp_path / name / name, "content")
    with atomic_files(tmp_path / name, "They") as folder:
        (folder / "more").write_text("more")
    assert names(tmp_path) == [name]
    assert names(tmp_path / name) == sorted([name, "inner", "more"])
    with plain_path(tmp_path / name) as folder:
        variable = tf.Variable(7.0)
        prefix = tf.train.Checkpoint(v=variable).write(str(folder / "weights"))
        assert tf.train.load_checkpoint(prefix).get_tensor("v/.ATTRIBUTES/VARIABLE_VALUE") == 7.0
        assert (folder / name).read_text() == "content"


def test_a_plain_path_stays_as_it_is(tmp_path: Path) -> None:
    with plain_path(tmp_path / "a b'=#%é") as folder:
        assert folder == tmp_path / "a b'=#%é"


@pytest.mark.parametrize("before", [None, "old"])
def test_a_folder_that_fails_leaves_what_was_there(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "parent" / "folder"
    if before:
        path.mkdir(parents=True)
        (path / before).touch()
    with pytest.raises(ZeroDivisionError), atomic_directory(path, "It") as folder:
        fill_and_fail(folder)
    assert names(tmp_path) == (["parent"] if before else [])
    assert not before or (names(path), names(path.parent)) == ([before], ["folder"])


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    with atomic_directory(tmp_path / "folder", "It") as folder:
        fill(folder)
        assert names(tmp_path / "folder") == ["old"]
    assert names(tmp_path / "folder") == ["inner"]
    assert names(tmp_path) == ["folder"]


def test_a_folder_is_never_lost_to_an_interruption(tmp_path: Path) -> None:
    """Before whichever line of `seq2seq.files` it comes."""
    target, lines, number = tmp_path / "folder", 0, 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != files.__file__:
            return None
        lines += event == "line"
        if event == "line" and lines == number:
            raise KeyboardInterrupt
        return trace

    ends = set()
    for number in itertools.count(1):
        write_folder(target, "old")
        lines, outside = 0, sys.gettrace()
        sys.settrace(trace)
        try:
            write_folder(target, "new")
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(outside)
        ends.add((target / "file").read_text())
        if lines < number:
            break
    assert number > 50
    assert ends == {"old", "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def write_folder(target: Path, content: str) -> None:
    with atomic_directory(target, "It") as folder:
        (folder / "file").write_text(content)


def test_all_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    rename, replace = Path.rename, Path.replace
    monkeypatch.setattr(files, "sync_to_disk", lambda path: events.append(path.name))
    monkeypatch.setattr(Path, "rename", lambda path, to: events.append(f"-> {to.name}") or rename(path, to))
    monkeypatch.setattr(Path, "replace", lambda path, to: events.append(f"-> {to.name}") or replace(path, to))
    with atomic_directory(tmp_path / "new" / "folder", "It") as folder:
        fill(folder)
    assert events == [tmp_path.name, ".folder.unfinished", "file", "inner", "-> folder", "new"]
    events.clear()
    write_atomically(tmp_path / "file", "text")
    assert events[1:] == ["-> file", tmp_path.name] and events[0].endswith(".tmp")
    events.clear()
    with atomic_files(tmp_path, "They") as folder:
        (folder / "b.index").touch()
        (folder / "a.data").touch()
    assert events == ["a.data", "b.index", "-> a.data", "-> b.index", tmp_path.name]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(pipe, "text")
        assert os.read(reader, 10) == b"text"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_file_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(tmp_path / "file", "old")

    def fail(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "sync_to_disk", fail)
    with pytest.raises(
        WriteError, match=r"^file could not be written to .*: No space left on device; make room"
    ):
        write_atomically(tmp_path / "file", "new")
    assert names(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "old"


def test_new_parents_go_again_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "a" / "b" / "c"):
        raise ZeroDivisionError
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == []
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "a" / "b" / "c"):
        fill_and_fail(tmp_path / "a" / "b")
    assert names(tmp_path / "a" / "b") == ["inner"]


WRITE = """
import sys, time
from pathlib import Path
from seq2seq.files import ensure_directory
def write(folder):
    print("begun", flush=True)
    time.sleep(float(sys.argv[2]))
    (folder / "file").write_text(sys.argv[3])
ensure_directory(Path(sys.argv[1]), "It", write, is_complete=lambda path: (path / "file").is_file())
"""


def test_of_processes_that_want_the_same_folder_one_writes_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="seq2seq")
    path = tmp_path / "folder"
    with run_python(WRITE, path, 1.0, "first") as first:
        assert first.stdout.readline() == "begun\n"
        ensure_directory(path, "It", fill, is_complete=lambda path: (path / "file").is_file())
    assert (path / "file").read_text() == "first"
    assert [record.getMessage() for record in caplog.records] == [
        "It: another process is writing it, and is waited for."
    ]
    assert names(tmp_path) == ["folder"]


def test_a_killed_writer_is_cleaned_up_after_and_a_live_one_left_alone(tmp_path: Path) -> None:
    with (
        run_python(WRITE, tmp_path / "alive", 60, "") as alive,
        run_python(WRITE, tmp_path / "dead", 60, "") as dead,
    ):
        assert alive.stdout.readline() == dead.stdout.readline() == "begun\n"
        dead.kill()
        dead.wait()
        assert names(tmp_path) == [".alive.lock", ".alive.unfinished", ".dead.lock", ".dead.unfinished"]
        with atomic_directory(tmp_path / "other", "It") as folder:
            fill(folder)
        assert names(tmp_path) == [".alive.lock", ".alive.unfinished", "other"]
        alive.kill()
    ensure_directory(tmp_path / "alive", "It", fill, is_complete=Path.is_dir)
    assert names(tmp_path) == ["alive", "other"]


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    with lock(tmp_path / "lock"), pytest.raises(LockedError), lock(tmp_path / "lock"):
        pass
    with lock(tmp_path / "lock", remove=True):
        pass
    assert names(tmp_path) == []


def test_a_disk_without_locks_is_named_once_and_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    with atomic_directory(tmp_path / "folder", "It") as folder:
        fill(folder)
    assert names(tmp_path) == ["folder"]
    assert len(caplog.records) == 1 and "has no locks" in caplog.text


def test_json_has_no_nan() -> None:
    value = {"a": [1, float("nan"), {"b": float("-inf")}], "c": (0.5, "NaN", None), "ü": True}
    assert to_json(value) == '{"a": [1, null, {"b": null}], "c": [0.5, "NaN", null], "ü": true}'


def test_what_a_killed_process_left_is_removed_and_what_a_live_one_writes_is_not(tmp_path: Path) -> None:
    (tmp_path / ".0123456789abcdef.tmp").write_text("of one that was killed")
    (tmp_path / ".fedcba9876543210.tmp").mkdir()
    (tmp_path / ".mine.tmp").touch()
    with atomic_files(tmp_path, "They") as folder:
        write_atomically(tmp_path / "file", "new")
        with atomic_files(tmp_path, "They") as other:
            assert names(tmp_path) == sorted([".mine.tmp", folder.name, other.name, "file"])
    assert names(tmp_path) == [".mine.tmp", "file"]


def test_a_process_that_is_killed_while_it_writes(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, seq2seq.files as files\n"
        "files.sync_to_disk = lambda path: os.kill(os.getpid(), 9)\n"
        f"files.write_atomically(pathlib.Path({str(tmp_path / 'file')!r}), 'half')"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert [name[-4:] for name in names(tmp_path)] == [".tmp"]
    write_atomically(tmp_path / "file", "whole")
    assert names(tmp_path) == ["file"]
