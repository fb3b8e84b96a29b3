from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from seq2seq.errors import PreemptedError, UserError, WorkerLostError
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


def fail(path: Path | None, error: BaseException, *files: str, parent: Path = Path("runs")) -> None:
    """A start that makes files and then fails."""
    with RunFolder.start(path, task="translation", parent=parent) as run:
        for name in files:
            (run.path / name).parent.mkdir(parents=True, exist_ok=True)
            (run.path / name).write_text("{}")
        raise error


def test_a_start_that_fails_leaves_nothing(tmp_path: Path) -> None:
    for path in (tmp_path / "new" / "parent" / "run", None):
        with pytest.raises(UserError, match="no"):
            fail(path, UserError("no"), "tokenizer/shared.json", "config.yaml", parent=tmp_path / "runs")
        assert list(tmp_path.iterdir()) == []


def test_a_start_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="no"):
        fail(tmp_path, UserError("no"), "tokenizer/shared.json")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), PreemptedError(), WorkerLostError("lost")])
def test_an_interrupted_start_keeps_what_the_same_command_goes_on_with(
    tmp_path: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        fail(tmp_path / "run", error, "index/file")
    assert (tmp_path / "run" / "index" / "file").is_file()
    with pytest.raises(type(error)):
        fail(None, error, "index/file", parent=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()  # its name is not in the command


@pytest.mark.parametrize("learnt", ["metrics.jsonl", "checkpoints/step-00000002/checkpoint.json"])
def test_what_was_learnt_stays_whatever_fails(tmp_path: Path, learnt: str) -> None:
    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "run", ZeroDivisionError(), learnt)
    assert (tmp_path / "run" / learnt).is_file()


def test_a_run_that_fails_to_go_on_is_as_it_was(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_config("seed: 1\n")
    write_atomically(tmp_path / "file", "")
    (tmp_path / "tokenizer").mkdir()
    write_atomically(tmp_path / "tokenizer" / "shared.json", "{}")
    with pytest.raises(UserError, match="no"):
        fail(tmp_path, UserError("no"))
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "file", "tokenizer", ".lock"}


@pytest.mark.parametrize(
    ("present", "message"),
    [
        (
            "checkpoints/step-00000001/checkpoint.json",
            "holds checkpoints of a run, but config.yaml is missing",
        ),
        ("summary.json", "holds summary.json of a run, but config.yaml is missing"),
        ("config.yaml checkpoints/step-00000001/checkpoint.json", "The tokenizer of the run .* is missing"),
        ("config.yaml tokenizer/shared.json summary.json", "has ended, but its checkpoints are missing"),
    ],
)
def test_a_run_that_lacks_a_part_is_not_trained_anew(tmp_path: Path, present: str, message: str) -> None:
    for name in present.split():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=message), RunFolder.start(tmp_path, task="translation"):
        pass
    assert sorted(tmp_path.rglob("*")) == before


def test_a_start_beside_another_leaves_the_other_alone(tmp_path: Path) -> None:
    with RunFolder.start(tmp_path / "run", task="translation") as run:
        (run.path / "index").mkdir()
        with pytest.raises(UserError, match="Another process"):
            fail(tmp_path / "run", UserError("no"))
        assert (run.path / "index").is_dir()


@pytest.mark.parametrize(
    ("content", "checkpoint"),
    [(None, None), ("", None), ("{", None), ("[]", None), ("{}", None), ('{"steps": "x"}', None), ("null", None),
     ('{"steps": 1, "checkpoint": "a"}', None), ('{"steps": 2, "checkpoint": "a"}', "a")],
)  # fmt: skip
def test_a_summary_counts_while_it_is_of_the_newest_step(
    tmp_path: Path, content: str | None, checkpoint: str | None
) -> None:
    for step in (1, 2):
        (tmp_path / "checkpoints" / f"step-{step:08d}").mkdir(parents=True)
    if content is not None:
        (tmp_path / "summary.json").write_text(content)
    assert RunFolder(tmp_path).read_summary().get("checkpoint") == checkpoint
