"""What a test or a plugin adds to a table is a choice like any other, with problems of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seq2seq.config.compose import compose
from seq2seq.config.fields import choice_of, files, not_negative, option, positive
from seq2seq.config.groups.data import DataConfig
from seq2seq.config.groups.model import ModelConfig
from seq2seq.config.groups.task import TaskConfig, metric_names
from seq2seq.config.saved import load, to_yaml
from seq2seq.config.tables import DATA_FORMATS, TASKS, Table
from seq2seq.errors import ConfigError


@dataclass
class ToyDataConfig(DataConfig):
    """Lines of text."""

    format: str = choice_of(DATA_FORMATS, "toy_lines", "set by the choice of data=")
    train: Any = files("a path, or a list of paths")
    first_line: int = not_negative(0, "where reading begins")
    last_line: int = not_negative(9, "where reading ends")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        if self.last_line < self.first_line:
            yield f"data.last_line={self.last_line}: before data.first_line={self.first_line}"


@dataclass
class ToyModelConfig(ModelConfig):
    """A model."""

    note: str = option("none", "nothing")


@dataclass
class ToyTaskConfig(TaskConfig):
    """Lines in, nothing out."""

    model = ToyModelConfig
    metrics = ("perplexity",)
    reads = ToyDataConfig

    name: str = choice_of(TASKS, "toy", "set by the choice of task=")
    metric: str = choice_of(metric_names, "perplexity", "picks the best checkpoint")
    order: int = positive(2, "of something")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        if self.order > config.model.decoder.units:
            yield f"task.order={self.order}: above model.decoder.units={config.model.decoder.units}"


CHOICES = ("task=toy", "model=toy", "data=toy_lines")


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "toy", ToyTaskConfig)
    monkeypatch.setitem(DATA_FORMATS, "toy_lines", ToyDataConfig)


def problems(*overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        compose(overrides)
    return refused.value.problems


def test_a_new_task_and_format_are_chosen_saved_and_read(tmp_path: Path) -> None:
    config = compose([*CHOICES, "data.train=~/a.txt", "task.order=3"])
    assert isinstance(config.data, ToyDataConfig)
    assert isinstance(config.task, ToyTaskConfig)
    assert (config.task.metric, config.task.order, config.data.last_line) == ("perplexity", 3, 9)
    assert config.data.train == str(Path("~/a.txt").expanduser())
    assert "training.max_steps" in config.auto
    (tmp_path / "config.yaml").write_text(to_yaml(config))
    assert load(tmp_path, ["run_dir=null"]).task == config.task


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["data.first_line=10"], "data.last_line=9: before data.first_line=10"),
        (["task.order=999"], "task.order=999: above model.decoder.units=512"),
        (["task.order=0"], "task.order=0: must be above 0"),
        (
            ["task.metric=bleu"],
            "task.metric=bleu: not measured by task=toy; valid: perplexity, loss, or add"
            " task.extra_metrics=[bleu]",
        ),
        (
            ["model=translation"],
            "model: this one is not for task=toy; write model=toy, or another made for it",
        ),
        (
            ["data=tsv", "data.train=a", "data.val=b"],
            "data.format=tsv: task=toy does not read it; write task=translation, or data= one of toy_lines",
        ),
        (["data.first_lin=1"], "data.first_lin: no such key; did you mean data.first_line?"),
    ],
)
def test_its_problems_are_found(overrides: list[str], sentence: str) -> None:
    (problem,) = problems(*CHOICES, *overrides)
    assert problem.startswith(sentence)


def test_words_of_a_table_grow_with_it() -> None:
    (problem,) = problems("task.metric=blue")
    assert problem == (
        "task.metric=blue: must be one of bleu, chrf, wer, cer, accuracy, macro_f1, perplexity, loss;"
        " did you mean bleu?"
    )


def test_a_table_imports_what_is_asked_for() -> None:
    table = Table(errors="seq2seq.errors:ConfigError", missing="seq2seq.errors:Nothing")
    assert list(table) == ["errors", "missing"]
    assert table["errors"] is ConfigError
    with pytest.raises(AttributeError, match="Nothing"):
        table["missing"]
