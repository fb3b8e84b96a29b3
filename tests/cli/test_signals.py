"""Ctrl-C and SIGTERM outside of the training loop: 130 and 143 (of training 75), a sentence, and no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from seq2seq import cli
from seq2seq.cli import commands
from seq2seq.errors import PreemptedError
from seq2seq.training.interruption import explained_stop

SIGINT, SIGTERM = signal.SIGINT, signal.SIGTERM
ENDS = [("train", SIGINT, 130), ("train", SIGTERM, 75), ("predict", SIGINT, 130), ("predict", SIGTERM, 143)]

# Sends a signal to itself while `main` imports a module.
WHILE_IMPORTING = """
import signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal({number})
sys.meta_path.insert(0, Finder())
from seq2seq.cli import main
main([{command!r}, "run_dir=nowhere"])
"""

# Python says so of what is raised where nothing can be raised, and goes on; so does a library that swallows it.
SWALLOWED = """
import signal
from seq2seq import cli
from seq2seq.cli import commands
def run(arguments, own_process):
    try:
        signal.raise_signal({number})
    except BaseException:
        signal.raise_signal({number})
    print("still there")
commands.run = run
cli.main(["train"])
"""

AT_EXIT = """
import atexit, signal
from seq2seq import cli
from seq2seq.cli import commands
def run(arguments, own_process):
    atexit.register(print, "said at the exit", flush=True)
    atexit.register(signal.raise_signal, {number})
commands.run = run
cli.main(["train"])
"""


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """As they were."""
    before = {number: signal.getsignal(number) for number in (SIGINT, SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def program(code: str) -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def main(command: str, run: Callable[[], Any], patch: pytest.MonkeyPatch) -> int:
    """The exit code of a command that does `run`."""

    def in_its_place(arguments: list[str], own_process: bool) -> None:
        from seq2seq.cli.app import exit_on_user_error

        with exit_on_user_error():
            run()

    patch.setattr(commands, "run", in_its_place)
    with pytest.raises(SystemExit) as end:
        cli.main([command])
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize("module", ["typer", "seq2seq.config.saved"])
@pytest.mark.parametrize(("command", "number", "code"), ENDS)
def test_while_modules_are_imported(module: str, command: str, number: int, code: int) -> None:
    if command == "predict" and module != "typer":
        module = "seq2seq.cli.using"
    outcome = program(WHILE_IMPORTING.format(module=module, command=command, number=int(number)))
    assert outcome == (code, "", "Interrupted before anything was done.\n")


@pytest.mark.parametrize(("command", "number", "code"), ENDS)
def test_while_a_command_works(
    command: str, number: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tidied = []

    def work() -> None:
        try:
            signal.raise_signal(number)
        finally:
            tidied.append(command)

    assert main(command, work, monkeypatch) == code
    assert capsys.readouterr() == ("", "Terminated.\n" if code == 143 else "Interrupted.\n")
    assert tidied == [command]


def test_what_training_says_of_it_is_the_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @explained_stop("Stopped early on.")
    def work() -> None:
        with explained_stop("Stopped within."):
            signal.raise_signal(SIGTERM)

    assert main("train", work, monkeypatch) == 75
    assert capsys.readouterr().err == "Stopped within.\n"


@pytest.mark.parametrize("raised", [RuntimeError("for being interrupted"), SystemExit(1)], ids=repr)
def test_what_an_interruption_leads_to_is_not_shown(
    raised: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        try:
            signal.raise_signal(SIGTERM)
        except PreemptedError:
            raise raised from None

    assert main("train", work, monkeypatch) == 75
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(SIGINT, 130), (SIGTERM, 75)])
@pytest.mark.parametrize("source", [SWALLOWED, AT_EXIT], ids=["swallowed", "at exit"])
def test_a_second_signal_or_one_at_the_exit_ends_the_process_at_once(
    source: str, number: int, code: int
) -> None:
    assert program(source.format(number=int(number))) == (code, "", "")
