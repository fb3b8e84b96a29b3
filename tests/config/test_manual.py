"""`train --help GROUP`: what each key means, may be and is without being set."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from omegaconf import OmegaConf

from seq2seq.config.auto import AUTO_KEYS
from seq2seq.config.compose import read_choices
from seq2seq.config.hydra_loader import Loader
from seq2seq.config.manual import manual
from seq2seq.config.reference import Entry, entry, sections
from seq2seq.config.root import TrainConfig
from seq2seq.config.tables import DATA_FORMATS, TASKS, models
from seq2seq.errors import ConfigError
from tests.config.conftest import Write

PAGE = """\
masking=static: As strict, every batch padded to one of a few fixed shapes: for XLA, which compiles each shape
    once.

masking: What happens to padding.
  masking.policy=static                     how padding is kept out of the results; one of strict (padding is
                                            never seen), cudnn (the same, with masks that a GPU's fused
                                            kernels take), static (the same, in a few fixed shapes, for XLA),
                                            none (padding is data, except in the loss)
  masking.shapes=8                          static: how many shapes of batches there are at most, each a graph
                                            of its own; a whole number above 0
"""


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")


def schemas(schema: Any) -> Iterator[Any]:
    yield schema
    for kind in get_type_hints(schema).values():
        if is_dataclass(kind):
            yield from schemas(kind)


ROOTS = [TrainConfig, *TASKS.values(), *models().values(), *DATA_FORMATS.values()]
SCHEMAS = {inner.__name__: inner for root in ROOTS for inner in schemas(root)}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_every_field_has_a_line(schema: Any) -> None:
    assert schema.__doc__.split("\n")[0].endswith((".", "; in training."))
    for field in fields(schema):
        about = field.metadata["about"]
        assert 3 <= len(about) <= 120, field.name
        assert "\n" not in about


def test_a_page_as_it_is_printed() -> None:
    assert manual(["masking=static"]) == PAGE


def test_a_group_says_what_can_be_chosen_and_what_is() -> None:
    lines = manual(["search"]).splitlines()
    words = [line.split()[:2] for line in lines[:3]]
    assert words == [["search=beam", "Beam"], ["*", "search=greedy"], ["search=sampling", "Outputs"]]
    assert lines[4] == "* search=greedy, the default, has these keys:"


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (
            ["optimizer=adamw"],
            ["optimizer.name=adamw", "optimizer.learning_rate=0.001", "optimizer.weight_decay=0.01"],
        ),
        (["data=tsv"], ["data.train=null", "data.source_column=0", "data.tokenizer.kind=bpe"]),
        (["data"], ["data.root=${bundled:translation}", "data.train.source=train.en", "data.batch.size=64"]),
        (["model=speech"], ["model.encoder.front_channels=[32,32]", "model.features.mel_bins=80"]),
        (["model.encoder", "model=speech"], ["model.encoder.front=strided", "model.encoder.layer_norm=true"]),
        (
            ["training", "task=speech"],
            ["training.epochs=null", "training.max_minutes=null", "task.ctc_weight=0.3"],
        ),
        (["training"], ["training.epochs=null", "training.keep_checkpoints=5"]),
        (["export"], ["export.max_bytes=10000"]),
        (["seed", "run_dir"], ["seed=1", "run_dir=null"]),
        (
            ["experiment=an4"],
            ["task.ctc_weight=0.5", "data.augment.speeds=[0.9,1.0,1.1]", "training.epochs=60"],
        ),
    ],
    ids=str,
)
def test_defaults_are_those_that_hold(names: list[str], keys: list[str]) -> None:
    lines = {line.split()[0] for line in manual(names).splitlines() if line[:2] == "  " and line.strip()}
    assert set(keys) <= lines


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("model.encoder.units", "a whole number above 0"),
        ("model.encoder.dropout", "a number at least 0 and below 1"),
        ("training.max_steps", "a whole number above 0, or null"),
        ("data.train", "a path or a list of paths"),
        ("data.augment.speeds", "a list, each of it a number at least 0.1 and at most 10"),
        ("data.root", "text, or null"),
        ("task.metric", "one of bleu, chrf, wer, cer, accuracy, macro_f1, loss"),
        (
            "data.broken_audio",
            "one of error (names the file and stops), skip (leaves the utterance out, names and counts it)",
        ),
        ("search.ctc_weight", "a number at least 0 and at most 1, or null"),
    ],
)
def test_what_a_key_may_be(key: str, kind: str) -> None:
    config = OmegaConf.structured(TrainConfig)
    assert read_choices(config, Loader(), ["task=speech", "data=kaldi"]) == []
    assert entry(config, key).kind == kind


def test_sections_hold_each_key_once() -> None:
    config = OmegaConf.structured(TrainConfig)
    keys = [each.key for section in sections(config, "") for each in section.entries]
    assert len(keys) == len(set(keys)) > 100
    auto = Entry(
        "auto",
        f"a list, each of it one of {', '.join(AUTO_KEYS)}",
        "[]",
        "keys that the training data decides when a run starts: `KEY=auto`, `model=auto`, and ${auto:…} in conf/",
    )
    assert next(sections(config, "")).entries == [
        Entry("seed", "a whole number at least 0 and at most 4294967295", "1", "of every random generator"),
        auto,
        Entry("run_dir", "text, or null", "null", "the run's folder; without it one is made under runs/"),
    ]


def test_what_there_is_not_is_one_sentence_each() -> None:
    with pytest.raises(ConfigError) as refused:
        manual(["data=tvs", "modle", "model.encodr", "seed.x", "masking"])
    assert [problem.split(";")[0] for problem in refused.value.problems] == [
        "data=tvs: no such choice",
        "modle: no such key",
        "model.encodr: no such key",
        "seed.x: seed is a value, it has no keys",
    ]
    assert "did you mean model?" in refused.value.problems[1]


def test_own_choices_have_their_keys(own_choices: Write) -> None:
    folder = own_choices("model/tiny.yaml", "encoder: {units: 8}\n")
    assert "  model.encoder.units=8 " in manual(["model=tiny"], folder)
    broken = own_choices("model/broken.yaml", "encoder: {\n")
    with pytest.raises(ConfigError, match=r"model/broken.yaml, line 2: not valid YAML"):
        manual(["model=broken"], broken)


def test_no_tensorflow_and_no_file_is_needed(tmp_path: Path) -> None:
    program = (
        "import sys; from seq2seq.config.manual import manual; manual(['model', 'data=librispeech']);"
        " sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
