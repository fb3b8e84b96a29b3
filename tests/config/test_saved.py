"""RUN/config.yaml: what is written is what is read, whatever is asked of it later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seq2seq.config.compose import compose
from seq2seq.config.root import TrainConfig
from seq2seq.config.saved import differences, load, to_yaml
from seq2seq.errors import ConfigError, UserError

COMMAND_LINES = [
    [],
    ["experiment=multi30k_en_de", "data.root=/corpora"],
    ["data=tsv", "data.train=[a,b]", "data.val=c", "search=beam", "optimizer=adamw", "training.max_steps=7"],
    ["data=jsonl", "data.train=a", "data.val=c", "data.source_field='${not}'"],
]


def saved(config: TrainConfig, folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(to_yaml(config), encoding="utf-8")
    return path


@pytest.mark.parametrize("overrides", COMMAND_LINES[:3])
def test_a_configuration_survives_its_file(overrides: list[str], tmp_path: Path) -> None:
    config = compose(overrides)
    read = load(saved(config, tmp_path))
    assert replace(read, run_dir=None) == config
    assert type(read.data) is type(config.data)
    assert differences(config, read) == []
    assert to_yaml(load(tmp_path)) == to_yaml(read)  # the folder stands for its file


def test_the_run_is_where_its_file_is(tmp_path: Path) -> None:
    assert load(saved(compose(["run_dir=elsewhere"]), tmp_path)).run_dir == str(tmp_path)


def test_values_and_choices_override(tmp_path: Path) -> None:
    path = saved(compose([]), tmp_path)
    assert load(path, ["search=beam", "search.length_penalty=0.6"]).search.length_penalty == 0.6
    assert load(path, ["hardware=cpu"]).hardware.device == "cpu"
    assert load(path, ["training.epochs=99"]).training.epochs == 99


@pytest.mark.parametrize(
    ("override", "width"), [("search.beam_width=10", 10), ("search.n_best=3", 3), ("search=beam", 5)]
)
def test_a_wider_search_is_a_beam(override: str, width: int, tmp_path: Path) -> None:
    search = load(saved(compose([]), tmp_path), [override]).search
    assert (search.name, search.beam_width) == ("beam", width)


def test_an_n_best_list_does_not_narrow_a_beam(tmp_path: Path) -> None:
    search = load(saved(compose(["search=beam"]), tmp_path), ["search.n_best=3"]).search
    assert (search.beam_width, search.n_best) == (5, 3)


def test_overrides_are_checked_all_at_once(tmp_path: Path) -> None:
    overrides = [
        "data=tsv",
        "search=bem",
        "seed=x",
        "search.beam=3",
        "foo",
        "~search",
        "model.encoder.units=1,2",
    ]
    with pytest.raises(ConfigError) as refused:
        load(saved(compose([]), tmp_path), overrides)
    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        "foo",
        "data=tsv",
        "search=bem",
        "seed=x",
        "search.beam",
        "~search",
        "model.encoder.units=1,2",
    ]


def test_what_an_earlier_version_did_not_write_has_its_default(tmp_path: Path) -> None:
    text = to_yaml(compose(["seed=5"])).replace("  label_smoothing: 0.1\n", "")
    assert "label_smoothing" not in text
    path = tmp_path / "config.yaml"
    path.write_text(text)
    config = load(path)
    assert (config.seed, config.task.label_smoothing) == (5, 0.1)


@pytest.mark.parametrize(("task", "kind"), [("translation", "recurrent"), ("speech", "acoustic")])
def test_a_run_of_before_encoders_had_a_kind_has_the_one_of_its_task(
    task: str, kind: str, tmp_path: Path
) -> None:
    path = saved(compose([f"task={task}"]), tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    new = f"    kind: {kind}\n", "options: null\n", "min_delta: 0.0\n", "nesterov: false\n"
    kept = [line for line in lines if line != new[0] and line.lstrip() not in new[1:]]
    assert (
        len(kept) == len(lines) - 8
    )  # a kind, five options, min_delta twice with that of early stopping, nesterov
    path.write_text("".join(kept), encoding="utf-8")
    assert load(path).model.encoder.kind == kind
    assert differences(compose([f"task={task}"]), load(path)) == []


def test_options_of_a_part_survive_their_file(tmp_path: Path) -> None:
    config = compose(["optimizer.options={a: 1, b: {c: [x, 2.5]}}"])
    assert config.optimizer.options == {"a": 1, "b": {"c": ["x", 2.5]}}
    assert load(saved(config, tmp_path)).optimizer.options == config.optimizer.options
    assert differences(compose([]), config) == ["optimizer.options={a:1,b:{c:[x,2.5]}} (was null)"]


def test_a_key_that_has_moved_since_is_read(tmp_path: Path) -> None:
    path = saved(compose(["model.cell.forget_bias=0.25"]), tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("    forget_bias: 0.25\n", "").replace("model:\n", "model:\n  forget_bias: 0.25\n")
    )
    assert load(tmp_path).model.cell.forget_bias == 0.25


def test_a_key_that_was_renamed_is_read(tmp_path: Path) -> None:
    files = [f"data.{split}=x.tsv" for split in ("train", "val")]
    path = saved(compose(["task=speech", *files, "model.spec_augment.max_mask_ratio=0.125"]), tmp_path)
    text = path.read_text()
    assert "max_mask_ratio: 0.125" in text
    path.write_text(text.replace("max_mask_ratio", "time_share"))
    assert load(tmp_path).model.spec_augment.max_mask_ratio == 0.125


def test_a_file_that_was_changed_by_hand_is_refused_by_name(tmp_path: Path) -> None:
    path = saved(compose(["model.encoder.units=9"]), tmp_path)
    path.write_text(path.read_text().replace("units: 9", "unitz: 9"))
    with pytest.raises(ConfigError, match=r"in .*config.yaml: model.encoder.unitz: no such key"):
        load(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"seed: [", "not valid YAML"), (b"\xff\xfe\x00", "not"), (b"- 1\n", "no configuration")],
)
def test_an_unreadable_file_is_one_sentence(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        load(path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path)


def test_differences_name_keys_and_both_values() -> None:
    old = compose(["data.root=a", "run_dir=x", "model.encoder.units=8", "model.bridge=dense"])
    new = compose(["data.root=b", "run_dir=y", "model.encoder.units=64", "model.bridge=zero", "seed=2"])
    assert differences(old, new) == [
        "model.encoder.units=64 (was 8)",
        "model.bridge=zero (was dense)",
        "seed=2 (was 1)",
    ]


def test_another_format_is_a_difference() -> None:
    new = compose(["data=tsv", "data.train=a", "data.val=b"])
    keys = [text.split("=")[0] for text in differences(compose([]), new)]
    assert {"data.format", "data.train", "data.source_column", "data.train.source"} <= set(keys)
