"""What a program begins with: `seq2seq.compose`, `train` and `load`, what they show, and one text for several."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seq2seq
from seq2seq.config.compose import compose
from seq2seq.config.saved import load, to_yaml
from seq2seq.errors import UserError
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.train import train
from seq2seq.runs.use import Run, load_run
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.tasks.translation.translator import Translator
from seq2seq.text import CharacterTokenizer, Normalizer, SentencePieceTokenizer, WordTokenizer


def python(code: str) -> tuple[str, str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_names() -> None:
    assert (seq2seq.compose, seq2seq.train, seq2seq.load) == (compose, train, load_run)
    assert {"compose", "load", "train", "__version__"} <= set(dir(seq2seq))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = seq2seq.trian


def test_importing_is_quick_and_says_nothing() -> None:
    code = "import sys, seq2seq; seq2seq.compose; print({'tensorflow', 'matplotlib'} & set(sys.modules))"
    assert python(code) == ("set()\n", "")


def test_tensorflow_is_imported_without_a_banner() -> None:
    assert python("import seq2seq; seq2seq.load; import sys; print('tensorflow' in sys.modules)") == (
        "True\n",
        "",
    )


def test_what_else_is_said_in_the_import_is_shown(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(
        "import os, sys\nos.write(2, b'I0000 00:00 port.cc] oneDNN\\nF0000 no AVX\\n')\nprint('mine', file=sys.stderr)"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import seq2seq, tensorflow; print(len(sys.meta_path))"
    without = "import sys; print(len(sys.meta_path))"
    assert python(code) == (python(without)[0], "F0000 no AVX\nmine\n")


def test_a_line_is_logged_once_whatever_absl_does() -> None:
    code = (
        "import logging\nfrom seq2seq.logs import log_to_stderr\nlog_to_stderr()\n"
        "from absl import logging as absl\nabsl.info('from TensorFlow')\n"
        "logging.getLogger('seq2seq.training').info('loss 1')"
    )
    assert python(code) == ("", "loss 1\n")


@pytest.mark.parametrize(
    ("set_up", "shown"),
    [
        ("", "loss 1\n"),
        ("logging.basicConfig(format='mine: %(message)s', level=logging.INFO)", "mine: loss 1\n"),
        ("logging.basicConfig()", ""),
        ("logging.getLogger('seq2seq').addHandler(logging.NullHandler())", ""),
    ],
)
def test_progress_is_shown_unless_the_program_decides(set_up: str, shown: str) -> None:
    code = (
        f"import logging\n{set_up}\nfrom seq2seq.logs import log_to_stderr_by_default\n"
        "log_to_stderr_by_default()\nlog_to_stderr_by_default()\nlogging.getLogger('seq2seq.training').info('loss 1')"
    )
    assert python(code) == ("", shown)


CONFIG = {task: compose([f"task={task}"]) for task in ("translation", "speech")}


def run_of(task: str, folder: Path) -> Run:
    """Without a model: what is refused is refused before."""
    tokenizer = WordTokenizer(["a"], Normalizer())
    return Run(RunFolder(folder), CONFIG[task], Tokenizers(tokenizer, tokenizer), None)  # type: ignore[arg-type]


WORDS = WordTokenizer(["a", "b"], Normalizer())
CHARACTERS = CharacterTokenizer(["a", "b"], Normalizer())


@pytest.mark.parametrize("one", ["a b", b"a b", Path("a b")], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize(
    "call",
    [
        lambda folder, one: run_of("translation", folder).predict(one),
        lambda folder, one: run_of("speech", folder).predict(one),
        lambda folder, one: run_of("translation", folder).score(one),
        lambda _, one: Translator.predict(None, one),  # type: ignore[arg-type]
        lambda _, one: WORDS.encode(one),
        lambda _, one: CHARACTERS.encode(one),
        lambda _, one: SentencePieceTokenizer.encode(None, one),  # type: ignore[arg-type]
        lambda _, one: SentencePieceTokenizer.sample(None, one, alpha=0.1, nbest=-1, seed=0),  # type: ignore[arg-type]
        lambda _, one: compose(one),
        lambda folder, one: load(folder, one),
    ],
)  # fmt: skip
def test_one_text_is_not_several(call: Callable[[Path, Any], Any], one: Any, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(to_yaml(CONFIG["translation"]))
    with pytest.raises(
        TypeError, match=rf"are expected, as a list or another iterable, not one {type(one).__name__}"
    ):
        call(tmp_path, one)


@pytest.mark.parametrize(
    ("task", "call", "other"),
    [
        ("speech", lambda run: run.translate(["a"]), "translate is for task=translation"),
        (
            "speech",
            lambda run: run.score([("a", "b")]),
            "score is for task=translation or task=autoencoder or task=language_model",
        ),
        ("translation", lambda run: run.transcribe(["a.wav"]), "transcribe is for task=speech"),
        ("translation", lambda run: run.align("a.tsv"), "align is for task=speech"),
    ],
)
def test_a_run_of_the_other_task_says_so(
    task: str, call: Callable[[Run], Any], other: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as refused:
        call(run_of(task, tmp_path))
    assert str(refused.value) == f"{tmp_path} is a run of task={task}, and {other}."
