"""What a new run has of the runs that it begins with, and what is said of runs that there are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2seq.config.auto import value_of
from seq2seq.config.compose import compose
from seq2seq.config.root import TrainConfig
from seq2seq.config.saved import differences, load, to_yaml
from seq2seq.errors import ConfigError

SHAPE = [
    "model.embedding.size=48",
    "model.encoder.units=24",
    "model.decoder.units=40",
    "model.decoder.attention.kind=bahdanau",
    "model.encoder.dropout=0.4",
]


def written(folder: Path, *overrides: str) -> Path:
    """A run, as far as its configuration goes."""
    (folder / "checkpoints" / "step-00000003").mkdir(parents=True)
    (folder / "config.yaml").write_text(to_yaml(compose(overrides)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "par=ent [1]"
    tokenizer = ["data.tokenizer.kind=word", "data.tokenizer.shared=true", "data.tokenizer.lowercase=true"]
    return written(folder, *SHAPE, *tokenizer, "model.embedding.tie=all", "optimizer.learning_rate=0.3")


def model(config: TrainConfig) -> list[str]:
    return [text for text in differences(compose(SHAPE), config) if text.startswith("model.")]


def test_everything_means_shape_and_tokenizer_and_nothing_else(parent: Path) -> None:
    config = compose([f"init={parent}"])
    assert config.init.everything == str(parent)
    assert config.model == load(parent).model
    tokenizer = config.data.tokenizer
    assert (tokenizer.kind, tokenizer.shared, tokenizer.lowercase) == ("word", True, True)
    assert tokenizer.run == str(parent)
    assert config.optimizer.learning_rate != 0.3
    assert not any(key.startswith(("model.", "data.tokenizer.")) for key in config.auto)
    assert "optimizer.learning_rate" in config.auto  # which the data is to decide


@pytest.mark.parametrize(
    "form", ["init={}", "init = {}", "init.everything={}", "init={}/checkpoints/step-00000003"]
)
def test_runs_are_named_as_elsewhere(parent: Path, form: str) -> None:
    config = compose([form.format(parent)])
    assert config.model.encoder.units == 24
    assert config.init.everything == str(parent) + form.partition("{}")[2]


def test_a_place_below_the_current_folder_is_kept_whole(
    parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(parent.parent)
    assert compose([f"init={parent.name}"]).init.everything == str(parent)


def test_what_is_given_wins(parent: Path, tmp_path: Path) -> None:
    units = "model.encoder.units"
    assert value_of(compose([f"init={parent}", f"{units}=7"]), units) == 7
    assert compose([f"init={parent}", f"{units}=7"]).model.decoder.units == 40
    assert compose([f"init={parent}", "model.decoder={units: 9}"]).model.decoder.units == 9
    assert compose([f"init={parent}", "model=translation_small"]).model.encoder.units == 128
    assert compose([f"init={parent}", "model=translation"]).model.encoder.units == 24
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nmodel: {encoder: {units: 5}}\ndata: {tokenizer: {kind: bpe, shared: true}}\n"
    )
    config = compose([f"init={parent}", "experiment=mine"], str(tmp_path))
    assert (config.model.encoder.units, config.model.decoder.units) == (5, 40)
    assert (config.data.tokenizer.kind, config.data.tokenizer.run) == ("bpe", None)


def test_a_tokenizer_that_is_asked_for_is_made(parent: Path) -> None:
    config = compose([f"init={parent}", "data.tokenizer.kind=bpe", "data.tokenizer.shared=true"])
    assert (config.data.tokenizer.kind, config.data.tokenizer.run) == ("bpe", None)
    config = compose([f"init={parent}", "data.tokenizer.sampling.nbest=3"])  # which is about training
    assert (config.data.tokenizer.run, config.data.tokenizer.sampling.nbest) == (str(parent), 3)
    config = compose([f"data.tokenizer.run={parent}"])  # a tokenizer alone
    assert (config.data.tokenizer.kind, config.model.encoder.units) == ("word", 256)


@pytest.mark.parametrize(
    ("part", "taken"),
    [
        ("encoder", {"model.embedding.size": 48, "model.encoder.units": 24, "model.encoder.dropout": 0.4}),
        (
            "decoder",
            {"model.embedding.size": 48, "model.decoder.units": 40, "model.decoder.attention.kind": "bahdanau"},
        ),
        ("embeddings", {"model.embedding.size": 48}),
    ],
)  # fmt: skip
def test_a_part_has_the_shape_of_its_run(parent: Path, part: str, taken: dict[str, object]) -> None:
    config, usual = compose([f"init.{part}={parent}"]), compose([])
    for key in (text.partition("=")[0] for text in SHAPE):
        assert value_of(config, key) == taken.get(key, value_of(usual, key)), key
    assert config.data.tokenizer.run is None


def test_a_run_of_another_task_gives_neither_shape_nor_tokenizer(parent: Path, tmp_path: Path) -> None:
    speech = written(tmp_path / "speech", "task=speech", "model.encoder.units=24")
    for part in ("everything", "encoder"):
        config = compose([f"init.{part}={speech}"])
        assert differences(compose([]), config) == [f"init.{part}={speech} (was null)"]
    assert compose(["task=speech", f"init={speech}"]).model == load(speech).model


def test_a_run_goes_on_as_it_is_where_the_other_has_gone(parent: Path, tmp_path: Path) -> None:
    command = [f"init={tmp_path / 'gone'}", "model.decoder.units=9", f"run_dir={tmp_path / 'child'}"]
    written(tmp_path / "gone", *SHAPE, "data.tokenizer.kind=word")
    first = compose(command)
    (tmp_path / "child").mkdir()
    (tmp_path / "child" / "config.yaml").write_text(to_yaml(first), encoding="utf-8")
    (tmp_path / "gone" / "config.yaml").unlink()
    assert differences(compose(command), first) == []
    assert differences(load(tmp_path / "child"), first) == []


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["init=/no/run"],
            "init.everything=/no/run: holds no run (no config.yaml); give a folder made by `seq2seq train`, or"
            " RUN/checkpoints/NAME",
        ),
        (["init.encoder=."], "init.encoder=.: holds no run (no config.yaml); give a folder made by"),
        (["data.tokenizer.run=/no/run"], "data.tokenizer.run=/no/run: holds no run (no config.yaml); give"),
        (["init.enc0der=/x"], "init.enc0der: no such key; did you mean init.encoder? init has: everything,"),
        (["load_encoder=/x"], "load_encoder: no such key; did you mean init.encoder?"),
        (["init_param=/x"], "init_param: no such key; did you mean init.everything?"),
        (["load_weights=/x"], "load_weights: no such key; did you mean init.everything?"),
        (["freeze_param=3"], "freeze_param: no such key; did you mean init.freeze_steps?"),
        (["init.freeze=3"], "init.freeze: no such key; did you mean init.freeze_steps?"),
        (["init.freeze_steps=-1"], "init.freeze_steps=-1: must be at least 0"),
        (["init.rate=1.5"], "init.rate=1.5: must be at least 0 and at most 1"),
        (
            ["init.freeze_steps=3"],
            "init.freeze_steps=3: is for what was taken from a run, and none is given; write init=RUN",
        ),
        (["init.rate=0.3"], "init.rate=0.3: is for what was taken from a run, and none is given; write init=RUN"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(
    overrides: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as refused:
        compose(overrides)
    assert len(refused.value.problems) == 1
    assert refused.value.problems[0].startswith(sentence)


def test_a_damaged_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("model: [", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.yaml, line 1: not valid YAML"):
        compose([f"init={tmp_path}"])
