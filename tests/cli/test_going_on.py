"""`train RUN` goes on with a run; a mistyped one never trains something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seq2seq.cli.arguments import nearest_run
from seq2seq.config.root import TrainConfig
from tests.cli.conftest import Outcome, saved_config


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the run `runs/mine`, in which commands are given."""
    monkeypatch.chdir(tmp_path)
    make_run(Path("runs/mine"))
    return tmp_path


def make_run(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(saved_config())


@pytest.mark.parametrize("name", ["runs/mine", "runs/mine/", "run [best]", "seed=3", "data", "ünï, {x}"])
@pytest.mark.parametrize("form", ["{}", "run_dir={}"])
def test_a_run_goes_on_as_it_was(
    form: str, name: str, run_cli: Any, trained: list[TrainConfig], runs: Path
) -> None:
    if not Path(name).is_dir():
        make_run(Path(name))
    for overrides in ([], ["training.epochs=20", "hardware=cpu", "search=beam"]):
        assert run_cli("train", *overrides, form.format(name)) == Outcome(0, "", "")
        config = trained.pop()
        assert (config.run_dir, config.seed, config.model.encoder.units) == (str(Path(name)), 7, 16)
        assert (config.training.epochs, config.search.name) == (
            (20, "beam") if overrides else (None, "greedy")
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs/mien"], "runs/mien: holds no run (no config.yaml); did you mean runs/mine? RUN is"),
        (["mine", "training.epochs=9"], "mine: holds no run (no config.yaml); did you mean runs/mine? RUN is"),
        (["rusn/mine"], "rusn/mine: holds no run (no config.yaml); did you mean runs/mine? RUN is"),
        (["speech"], "speech: holds no run (no config.yaml); RUN is a folder made by `seq2seq train`, choices and"),
        (["runs"], "runs: holds no run (no config.yaml); RUN is"),
        (["x" * 300], f"{'x' * 120}…: holds no run (no config.yaml)"),
        (["runs/mine", "runs/mine"], "runs/mine, runs/mine: training goes on with one run at a time"),
        (["runs/mine", "run_dir=runs/mine"], "runs/mine: training goes on with one run at a time"),
        (["-m", "runs/mine"], "runs/mine: training goes on with one run at a time"),
        (["runs/mine", "data=tsv"], "data=tsv: a run keeps its data; a new run can have another"),
        (["run_dir=runs/mien"], "run_dir=runs/mien holds no run, but runs/mine does: `seq2seq train runs/mine` goes"),
        (["run_dir=runs/mien", "training.epochs=9"], "run_dir=runs/mien holds no run, but runs/mine does"),
        (["run_dir='mine'", "hardware.precision=float32"], "run_dir=mine holds no run, but runs/mine does"),
        (["run_dir=runs/mine2"], "run_dir=runs/mine2 holds no run, but runs/mine does"),
    ],
)  # fmt: skip
def test_a_mistyped_run_is_answered_before_anything_starts(
    arguments: list[str], said: str, run_cli: Any, trained: list[TrainConfig], runs: Path
) -> None:
    outcome = run_cli("train", *arguments)
    assert (outcome.code, outcome.out, trained) == (2, "", [])
    assert outcome.err.startswith(f"error: {said}")
    assert len(outcome.err.splitlines()) == 1
    assert [str(path) for path in runs.iterdir()] == [str(runs / "runs")]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run_dir=runs/mien", "data=sample_translation"],
        ["run_dir=runs/mien", "model.encoder.units=32"],  # which going on would refuse
        ["run_dir=runs/mine2", "seed=2"],
        ["run_dir=runs/other"],
        ["run_dir=elsewhere/else"],
    ],
)
def test_a_new_run_is_one_that_says_so_or_is_called_otherwise(
    arguments: list[str], run_cli: Any, trained: list[TrainConfig], runs: Path
) -> None:
    assert run_cli("train", *arguments) == Outcome(0, "", "")
    assert [config.seed == 7 for config in trained] == [False]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["data.root=my", "folder"],
            "folder: is no key=value; where it belongs to the one before, quote both",
        ),
        (["seed=2", "runs/mien"], "runs/mien: holds no run (no config.yaml); did you mean runs/mine?"),
        ([""], ": cannot be read; write key=value"),
    ],
)
def test_a_word_behind_a_value_may_be_a_part_of_it(
    arguments: list[str], said: str, run_cli: Any, trained: list[TrainConfig], runs: Path
) -> None:
    outcome = run_cli("train", *arguments)
    assert (outcome.code, outcome.out, trained) == (2, "", [])
    assert outcome.err.startswith(f"error: {said}")


def test_spaces_around_an_equals_sign_name_no_run(
    run_cli: Any, trained: list[TrainConfig], runs: Path
) -> None:
    assert run_cli("train", "seed", "=", "3") == Outcome(0, "", "")
    assert run_cli("train", "runs/mine", "training.epochs", "=", "30") == Outcome(0, "", "")
    assert [(config.seed, config.training.epochs) for config in trained] == [(3, None), (7, 30)]


def test_a_folder_that_is_there_is_not_mistyped(run_cli: Any, trained: list[TrainConfig], runs: Path) -> None:
    Path("runs/mien").mkdir()
    assert run_cli("train", "run_dir=runs/mien").code == 0
    assert len(trained) == 1


@pytest.mark.parametrize("command", ["evaluate", "predict", "score", "average", "export"])
def test_every_command_names_the_nearest_run(command: str, run_cli: Any, runs: Path) -> None:
    Path("text").write_text("a\n")
    others = {"score": ["text", "text"], "predict": ["-"], "export": ["out"]}.get(command, [])
    outcome = run_cli(command, "runs/mien", *others)
    assert outcome.code == 2
    assert "runs/mine" in outcome.err


def test_the_nearest_run(runs: Path) -> None:
    for name in ("mime", "b", "exp [1]"):
        make_run(Path("runs", name))
    assert nearest_run(Path("runs/mien")) == Path("runs/mine")
    assert nearest_run(Path("runs/exp [2]")) == Path("runs/exp [1]")
    assert nearest_run(runs / "runs" / "mimes") == runs / "runs" / "mime"
    assert nearest_run(Path("b")) == Path("runs/b")
    assert nearest_run(Path("run/b")) == Path("runs/b")
    assert nearest_run(Path("runs/c")) is None
    assert nearest_run(Path("x" * 300, "y" * 300)) is None
    assert nearest_run(Path("/")) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["init=runs/gone"],
            "init.everything=runs/gone: holds no run (no config.yaml); give a folder made by",
        ),
        (["init.enc0der=runs/mine"], "init.enc0der: no such key; did you mean init.encoder?"),
        (
            ["-m", "init=runs/mine,runs/gone"],
            "init.everything=runs/gone: holds no run (no config.yaml); give",
        ),
    ],
)
def test_a_run_to_begin_with_that_there_is_not(
    arguments: list[str], said: str, run_cli: Any, trained: list[TrainConfig], runs: Path
) -> None:
    outcome = run_cli("train", *arguments)
    assert (outcome.code, outcome.out, trained) == (2, "", [])
    assert outcome.err.startswith(f"error: {said}")
    assert len(outcome.err.splitlines()) == 1


def test_a_new_run_has_the_shape_of_the_one_it_begins_with(
    run_cli: Any, trained: list[TrainConfig], runs: Path
) -> None:
    assert run_cli("train", "init=runs/mine", "run_dir=runs/new", "model.decoder.units=8").code == 0
    config = trained.pop()
    assert (config.model.encoder.units, config.model.decoder.units, config.seed) == (16, 8, 1)
    assert config.init.everything == config.data.tokenizer.run == str(Path("runs/mine").absolute())
    assert run_cli("train", "-m", "init=runs/mine", "seed=4,5").code == 0
    assert [(one.model.encoder.units, one.seed) for one in trained] == [(16, 4), (16, 5)]
