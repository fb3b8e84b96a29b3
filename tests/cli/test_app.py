"""The command line's shell: help, misuse, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seq2seq.cli import app
from seq2seq.errors import PreemptedError, UserError
from tests.cli.conftest import Outcome


def test_help_lists_the_commands_and_loads_no_tensorflow() -> None:
    code = (
        "import sys\nfrom seq2seq import cli\n"
        "try:\n    cli.main(['--help'])\n"
        "except SystemExit:\n    print(sorted({'tensorflow', 'hydra', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in (
        "train",
        "check",
        "evaluate",
        "predict",
        "align",
        "score",
        "average",
        "convert-tf1",
        "doctor",
    ):
        assert f"\n  {name} " in done.stdout
    assert done.stdout.endswith("[]\n")


def test_version(run_cli: Any) -> None:
    from seq2seq import __version__

    assert run_cli("--version") == Outcome(0, f"{__version__}\n", "")


MISUSE = {
    "trian": "No such command 'trian'. Did you mean 'train'?; see `seq2seq --help`",
    "evaluate": "Missing argument 'RUN'; see `seq2seq evaluate --help`",
    "average x 5": "Got unexpected extra argument(s) (5); see `seq2seq average --help`",
    "evaluate x --split tset": (
        "Invalid value for '--split': tset is none of train, val (or dev, valid, validation) and test;"
        " see `seq2seq evaluate --help`"
    ),
    "predict x --beam-width 5": "No such option: --beam-width; write search.beam_width=…; see `seq2seq predict --help`",
    "predict x --zzzzz": "No such option: --zzzzz; see `seq2seq predict --help`",
}


@pytest.mark.parametrize(("line", "sentence"), MISUSE.items(), ids=MISUSE)
def test_misuse_is_one_sentence(line: str, sentence: str, run_cli: Any) -> None:
    assert run_cli(*line.split()) == Outcome(2, "", f"error: {sentence}\n")


def test_no_command_at_all_prints_the_help(run_cli: Any) -> None:
    outcome = run_cli()
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == run_cli("--help").out


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (UserError("data.root=x: no such folder"), 2, "error: data.root=x: no such folder\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (KeyboardInterrupt("Stopped."), 130, "Stopped.\n"),
        (PreemptedError("Stopped."), 75, "Stopped.\n"),
        (BrokenPipeError(), 141, ""),
        (OSError(28, "No space left on device", "a/b"), 2, "error: a/b: No space left on device\n"),
        (
            UnicodeEncodeError("utf-8", "runs/\udcff", 5, 6, "surrogates not allowed"),
            2,
            "error: runs/?: this name is not UTF-8; give it another\n",
        ),
    ],
)
def test_endings(
    raised: BaseException,
    code: int,
    said: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "dup2", lambda *_: None)  # the test's own output stays
    with pytest.raises(SystemExit) as left, app.exit_on_user_error():
        raise raised
    assert left.value.code == code
    assert capfd.readouterr().err == said


def test_mistakes_of_the_program_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError), app.exit_on_user_error():
        _ = 1 / 0


def test_a_reader_that_goes_away_is_no_error(run_folder: Path) -> None:
    code = (
        "import sys\nfrom seq2seq.cli import app\n"
        "with app.exit_on_user_error():\n"
        "    for _ in range(100000):\n        sys.stdout.write('a line of text\\n')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141
