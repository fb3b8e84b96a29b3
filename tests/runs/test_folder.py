from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from seq2seq.errors import UserError
from seq2seq.files import write_atomically
from seq2seq.runs.folder import RunFolder


def test_new_folders_have_names_of_their_own(tmp_path: Path) -> None:
    runs = [RunFolder.create(task="translation", parent=tmp_path / "runs") for _ in range(3)]
    names = [run.path.name for run in runs]
    assert len(set(names)) == 3
    assert all(name.startswith("translation-2") for name in names)
    assert list(runs[0].path.iterdir()) == []


def test_a_given_folder_is_taken_again(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path / "a" / "run", task="translation")
    first.write_config("seed: 1\n")
    second = RunFolder.create(str(tmp_path / "a" / "run"), task="translation")
    assert second.has_config


def test_the_configuration_is_written_once(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, task="translation")
    run.write_config("seed: 1\n")
    run.write_config("seed: 2\n")
    assert run.config.read_text() == "seed: 1\n"


def test_the_summary_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder.create(tmp_path, task="translation")
    run.write_summary({"test": {"bleu": 36.1}})

    def fail(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("seq2seq.files.sync_to_disk", fail)
    with pytest.raises(UserError, match=r"^summary\.json could not be written .*No space left.*make room"):
        run.write_summary({"test": {"bleu": 40.0}})
    assert json.loads(run.summary.read_text()) == {"test": {"bleu": 36.1}}
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_open_wants_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        RunFolder.open(tmp_path / "missing")
    with pytest.raises(UserError, match=r"holds no run: config\.yaml is missing"):
        RunFolder.open(tmp_path)
    write_atomically(tmp_path / "config.yaml", "seed: 1\n")
    assert RunFolder.open(tmp_path).checkpoints == tmp_path / "checkpoints"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"could not be written to .*file/run: Not a directory"):
        RunFolder.create(tmp_path / "file" / "run", task="translation")


def test_a_read_only_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(
        UserError, match="Read-only file system; choose a folder on a disk that can be written"
    ):
        RunFolder.create(tmp_path / "run", task="translation")


def test_two_processes_cannot_train_in_one_folder(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, task="translation")
    hold = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('locked', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / ".lock")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(UserError, match="Another process is training in"), run.locked():
            pass
    finally:
        other.kill()
        other.communicate()
    with run.locked(), pytest.raises(UserError), RunFolder(tmp_path).locked():
        pass
    with run.locked():
        pass
