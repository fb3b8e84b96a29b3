"""`seq2seq train`, and `train.py`, which is the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seq2seq.config.compose import compose
from seq2seq.config.root import TrainConfig
from seq2seq.errors import UserError
from tests.cli.conftest import Outcome

ROOT = Path(__file__).parents[2]


def test_train_composes_and_trains(run_cli: Any, trained: list[TrainConfig], tmp_path: Path) -> None:
    outcome = run_cli("train", "model.encoder.units=32", "search=beam", f"run_dir={tmp_path}/new")
    assert outcome == Outcome(0, "", "")
    assert trained == [compose(["model.encoder.units=32", "search=beam", f"run_dir={tmp_path}/new"])]


def test_train_leaves_nothing_but_the_run(
    run_cli: Any, trained: list[TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cli("train").code == 0
    assert len(trained) == 1
    assert list(tmp_path.iterdir()) == []


def test_train_refuses_with_every_sentence(run_cli: Any, trained: list[TrainConfig]) -> None:
    outcome = run_cli("train", "model.encodr.units=3", "data=tvs")
    assert (outcome.code, outcome.out, trained) == (2, "", [])
    lines = outcome.err.splitlines()
    assert lines[0] == "error: 2 things are wrong:"
    assert [line.split(":")[0] for line in lines[1:]] == ["  data=tvs", "  model.encodr.units"]


def test_a_mistake_during_training_is_one_sentence(run_cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("seq2seq.runs.train")

    def train(config: TrainConfig) -> None:
        raise UserError("train.en, line 3: not UTF-8")

    module.train = train  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert run_cli("train") == Outcome(2, "", "error: train.en, line 3: not UTF-8\n")


def test_mistakes_in_hydras_own_keys_are_one_sentence(run_cli: Any, trained: list[TrainConfig]) -> None:
    outcome = run_cli("train", "hydra.verbos=true")
    assert (outcome.code, trained) == (2, [])
    assert outcome.err.startswith("error: ")
    assert len(outcome.err.splitlines()) == 1


def test_a_sweep_gives_each_job_its_own_folder(
    run_cli: Any, trained: list[TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cli("train", "-m", "model.encoder.units=8,16").code == 0
    assert [config.model.encoder.units for config in trained] == [8, 16]
    folders = [Path(str(config.run_dir)) for config in trained]
    assert [folder.name for folder in folders] == ["0", "1"]
    assert folders[0].parent == folders[1].parent
    assert folders[0].parent.parent == Path("runs")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]

    trained.clear()
    assert run_cli("train", "-m", "seed=1,2", "run_dir=mine").code == 0
    assert [config.run_dir for config in trained] == ["mine/0", "mine/1"]


def test_a_run_that_exists_goes_on_as_it_was(
    run_cli: Any, trained: list[TrainConfig], run_folder: Path
) -> None:
    assert run_cli("train", f"run_dir={run_folder}", "training.epochs=20").code == 0
    (config,) = trained
    assert (config.seed, config.model.encoder.units, config.training.epochs) == (7, 16, 20)
    assert config.run_dir == str(run_folder)


def test_choices_for_a_run_that_exists_are_composed_anew(
    run_cli: Any, trained: list[TrainConfig], run_folder: Path
) -> None:
    assert run_cli("train", f"run_dir={run_folder}", "model=translation").code == 0
    assert trained[0].seed == compose([]).seed != 7  # a difference that training then refuses by name


def test_train_help_is_the_table_of_contents(run_cli: Any) -> None:
    outcome = run_cli("train", "--help")
    assert outcome.code == 0
    groups = outcome.out.split("\n  experiment=\n")
    assert len(groups) == 2
    assert {"an4", "multi30k_en_de"} <= {
        line.split()[0] for line in groups[1].splitlines() if line[:4] == "    "
    }
    assert "$" not in outcome.out
    assert "--help GROUP prints the keys of a group" in outcome.out


def test_train_help_of_a_group_prints_its_keys(run_cli: Any, trained: list[TrainConfig]) -> None:
    outcome = run_cli("train", "--help", "optimizer")
    assert (outcome.code, outcome.err, trained) == (0, "", [])
    assert "\n  optimizer.learning_rate=the data decides " in outcome.out
    assert run_cli("train", "optimizer", "--help") == outcome
    refused = run_cli("train", "--help", "optimiser")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("error: optimiser: no such key; did you mean optimizer? valid: task, data,")


def test_train_prints_a_configuration(run_cli: Any) -> None:
    outcome = run_cli("train", "--cfg", "job", "seed=3")
    assert outcome.code == 0
    assert "\nseed: 3\n" in outcome.out


def test_train_py_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "model.encodr.units=3"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: model.encodr.units: no such key; did you mean model.encoder.units?")


OPTIONS = {
    "--learning-rate 0.1": ["No such option: --learning-rate; write optimizer.learning_rate=0.1"],
    "--epochs=3": ["No such option: --epochs; write training.epochs=3"],
    "--task speech": ["No such option: --task; write task=speech"],
    "--learnig-rate 0.1 seed=1 --epochs": [
        "No such option: --learnig-rate; write optimizer.learning_rate=0.1",
        "No such option: --epochs; write training.epochs=…",
    ],
    "--zzzzz": ["No such option: --zzzzz"],
    "--cfg nothing": ["argument --cfg/-c: invalid choice: 'nothing' (choose from 'job', 'hydra', 'all')"],
}


@pytest.mark.parametrize(("line", "sentences"), OPTIONS.items(), ids=OPTIONS)
def test_an_option_that_there_is_not_is_a_key(
    line: str, sentences: list[str], run_cli: Any, trained: list[TrainConfig]
) -> None:
    outcome = run_cli("train", *line.split())
    assert (outcome.code, outcome.out, trained) == (2, "", [])
    problems = [f"{sentence}; see `seq2seq train --help`" for sentence in sentences]
    if len(problems) > 1:
        problems = [f"{len(problems)} things are wrong:", *(f"  {problem}" for problem in problems)]
        assert outcome.err.splitlines() == [f"error: {problems[0]}", *problems[1:]]
    else:
        assert outcome.err == f"error: {problems[0]}\n"
