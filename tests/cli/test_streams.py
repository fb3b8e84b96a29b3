"""Standard input, output and errors of a process: encodings, pipes that stay open, disks that are full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "tests.cli.fake_program"]

LOCALES = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1:strict"},
    "the C locale, taken at its word": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


def program(*arguments: str | bytes, environment: dict[str, str] | None = None, **options: Any) -> Any:
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    environment = {**os.environ, **(environment or {})}
    return subprocess.Popen([*PROGRAM, *arguments], cwd=ROOT, env=environment, **options)


def finish(process: Any, text: bytes | None = None) -> tuple[int, bytes, bytes]:
    out, err = process.communicate(text, timeout=120)
    return process.returncode, out, err


@pytest.mark.parametrize(
    "environment",
    [pytest.param(value, marks=[] if "LC_ALL" in value else pytest.mark.slow) for value in LOCALES.values()],
    ids=LOCALES,
)
def test_text_and_names_are_utf8_whatever_the_locale(
    environment: dict[str, str], run_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "größe.en"
    file.write_text("schöne Grüße 🙂\n", encoding="utf-8")
    arguments = ("predict", str(run_folder), str(file), "-")
    answer = finish(program(*arguments, environment=environment, stdin=subprocess.PIPE), "ß ä\n".encode())
    assert answer == (0, "🙂 Grüße schöne\nä ß\n".encode(), b"")

    code, out, err = finish(program("predict", str(run_folder), "fort/größe", environment=environment))
    assert (code, out) == (2, b"")
    assert err.startswith("error: fort/größe: no such file".encode())


@pytest.mark.slow
def test_a_name_that_is_not_utf8_is_as_good_as_any(run_folder: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.en"
    Path(os.fsdecode(name)).write_text("a b\n")
    assert finish(program("predict", str(run_folder), name)) == (0, b"b a\n", b"")
    code, _, err = finish(program("predict", str(run_folder), name + b"?"))
    assert (code, err.split(b": no such file")[0]) == (2, b"error: " + name + b"?")


def test_a_pipe_that_stays_open_is_answered_line_by_line(run_folder: Path) -> None:
    process = program("predict", str(run_folder), "-", stdin=subprocess.PIPE)
    for line, answer in ((b"a b\n", b"b a\n"), (b"\n", b"\n"), (b"c\n", b"c\n")):
        process.stdin.write(line)
        process.stdin.flush()
        assert process.stdout.readline() == answer
    assert finish(process) == (0, b"", b"")


def test_a_full_disk_is_one_sentence(run_folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = program("predict", str(run_folder), stdin=subprocess.PIPE, stdout=full)
        code, _, err = finish(process, b"a b\n" * 10_000)
        assert (code, err) == (
            2,
            b"error: standard output cannot be written: No space left on device\n",
        )
        assert finish(program("--help", stdout=full))[0] == 2
        # Errors that cannot be written are lost, and nothing else.
        process = program("predict", str(run_folder), stdin=subprocess.PIPE, stderr=full)
        assert finish(process, b"a b\n")[:2] == (0, b"b a\n")


@pytest.mark.parametrize(
    ("closed", "code", "out", "err"),
    [
        pytest.param(
            ">&-", 2, b"", b"error: standard output cannot be written: it is closed\n", marks=pytest.mark.slow
        ),
        pytest.param("2>&-", 0, b"b a\n", b"", marks=pytest.mark.slow),
        ("<&-", 2, b"", b"error: standard input is closed; give lines of text, or a file's name\n"),
    ],
)
def test_a_stream_that_is_closed(closed: str, code: int, out: bytes, err: bytes, run_folder: Path) -> None:
    line = f"echo a b | {{ {sys.executable} -m tests.cli.fake_program predict '{run_folder}' {closed}; }}"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


@pytest.mark.parametrize("command", ["predict '{run}' '{lines}'", "evaluate '{run}'", "--help"])
def test_a_reader_that_goes_away_is_no_error(command: str, run_folder: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("a b\n" * 100_000)
    command = command.format(run=run_folder, lines=lines)
    line = f"{sys.executable} -m tests.cli.fake_program {command} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode in (0, 141), done.stdout, done.stderr) == (True, b"", b"")
