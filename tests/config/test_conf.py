"""What ships in conf/: every choice composes, and the files say nothing that the schema does not know."""

from __future__ import annotations

import ast
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

import seq2seq
from seq2seq.config.compose import compose
from seq2seq.config.contents import ORDER, contents
from seq2seq.config.groups.attention import ATTENTIONS
from seq2seq.config.groups.init import PARTS as INIT_PARTS
from seq2seq.config.groups.model import ENCODERS
from seq2seq.config.groups.optimizer import OPTIMIZERS, SCHEDULES
from seq2seq.config.groups.speech_data import AudioTableConfig
from seq2seq.config.groups.text_data import JsonlConfig, ParallelTextConfig, TsvConfig
from seq2seq.config.hydra_loader import Loader
from seq2seq.config.root import TrainConfig
from seq2seq.config.tables import DATA_FORMATS, TASKS, models

PARTS = (ATTENTIONS, ENCODERS, OPTIMIZERS, SCHEDULES)

NEEDED = {
    "data=parallel_text": ["data.train={source: a, target: b}", "data.val={source: a, target: b}"],
    "data=tsv": ["data.train=a", "data.val=[b,c]"],
    "data=jsonl": ["data.train=a", "data.val=b"],
    "data=audio_table": ["task=speech", "data.train=a", "data.val=b"],
    "data=audio_jsonl": ["task=speech", "data.train=a", "data.val=b"],
    "data=librispeech": ["task=speech", "data.train=a", "data.val=b"],
    "data=kaldi": ["task=speech", "data.train=a", "data.val=b"],
    "data=common_voice": ["task=speech"],
    "data=an4": ["task=speech"],
    "data=sample_speech": ["task=speech"],
    "model=speech": ["task=speech"],
    "data=labelled_text": ["task=classification", "data.train=a", "data.val=b"],
    "data=sample_classification": ["task=classification"],
    "model=classification": ["task=classification"],
    "data=sample_autoencoder": ["task=autoencoder"],
    "model=autoencoder": ["task=autoencoder"],
    "data=text": ["task=language_model", "data.train=a", "data.val=b"],
    "data=sample_language_model": ["task=language_model"],
    "model=language_model": ["task=language_model"],
    "hardware=tpu": ["masking=static"],
}
ALL_CHOICES = [f"{group}={choice}" for group in Loader().groups() for choice in Loader().choices(group)]


@pytest.mark.parametrize("choice", ALL_CHOICES)
def test_every_choice_composes(choice: str) -> None:
    config = compose([choice, *NEEDED.get(choice, [])])
    assert isinstance(config, TrainConfig)
    assert type(config.data) is DATA_FORMATS[config.data.format]
    group, _, name = choice.partition("=")
    if group in ("masking", "hardware", "optimizer", "search", "task"):  # it is what its name says
        node = getattr(config, group)
        deciding = {
            str(getattr(node, field.name)) for field in fields(node)[:2]
        }  # policy, name, device, strategy
        assert name in deciding


def test_formats_have_types_of_their_own() -> None:
    assert type(compose([]).data) is ParallelTextConfig
    tsv = compose(["data=tsv", *NEEDED["data=tsv"]]).data
    assert isinstance(tsv, TsvConfig)
    assert (tsv.train, tsv.val, tsv.source_column, tsv.target_column) == ("a", ["b", "c"], "0", "1")
    assert type(compose(["data=jsonl", *NEEDED["data=jsonl"]]).data) is JsonlConfig


def test_the_sample_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = compose([]).data
    assert isinstance(data, ParallelTextConfig)
    for split in (data.train, data.val, data.test):
        assert Path(str(data.root), split.source).is_file()
        assert Path(str(data.root), split.target).is_file()


def test_relative_folders_are_fixed_where_the_run_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = compose(["data=tsv", "data.train=a", "data.val=b"]).data
    assert data.root == str(tmp_path)
    data = compose(["data.root=here", "data.index_dir=there", "data.tokenizer.source_model=m.model"]).data
    assert data.root == str(tmp_path / "here")
    assert data.index_dir == str(tmp_path / "there")
    assert data.tokenizer.source_model == str(tmp_path / "m.model")


def test_the_multi30k_experiment_reads_the_published_files() -> None:
    config = compose(["experiment=multi30k_en_de", "data.root=/corpora/multi30k"])
    assert isinstance(config.data, ParallelTextConfig)
    assert config.data.root == "/corpora/multi30k"
    assert config.data.train.source == "train.lc.norm.tok.en"
    assert config.data.test.target == "test_2016_flickr.lc.norm.tok.de"
    assert config.data.tokenizer.normalization == "none"  # they are tokenised and lower-cased already
    assert config.task.metric_on == "tokenized"


def test_experiments_and_command_line_both_override() -> None:
    config = compose(["experiment=multi30k_en_de", "data=tsv", "data.train=a", "data.val=b", "search=beam"])
    assert isinstance(config.data, TsvConfig)  # what is typed wins over the experiment's choice
    assert config.task.metric_on == "tokenized"
    assert config.search.beam_width == 5


def test_contents_list_every_choice_with_a_line_about_it() -> None:
    page = contents()
    assert set(ORDER) == set(Loader().groups())
    for choice in ALL_CHOICES:
        group, name = choice.split("=")
        block = page[page.index(f"  {group}=") :]
        line = next(line for line in block.splitlines() if line.split()[:1] == [name])
        assert len(line.split()) > 3, f"{choice}: its file does not begin with a comment that says what it is"


def _leaves(schema: Any) -> set[str]:
    names = set()
    for field in fields(schema):
        value = getattr(schema, field.name)
        names |= _leaves(value) if is_dataclass(value) else {field.name}
    return names


def test_every_key_is_read_by_the_program() -> None:
    package = Path(seq2seq.__file__).parent
    read = set()
    for file in package.rglob("*.py"):
        if "config" not in file.relative_to(package).parts:
            tree = ast.parse(file.read_text("utf-8"))
            read |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    schemas = [*DATA_FORMATS.values(), *TASKS.values(), *models().values()]
    promised = _leaves(TrainConfig()).union(*(_leaves(schema()) for schema in schemas))
    read |= {"format", "train", "val", "test"}  # decides the type; read by the split's name
    read |= {"options"}.union(*(part.takes for parts in PARTS for part in parts.values()))  # by `Part.bind`
    if "names" in read:  # of columns and fields, which it hands on
        read |= {f"{name}_{kind}" for name in AudioTableConfig().names for kind in ("column", "field")}
    read |= {*INIT_PARTS}  # by `sources`
    assert promised - read == set()


def test_the_composed_configuration_is_typed() -> None:
    composed = Loader().composed(["search=beam"])
    assert OmegaConf.get_type(composed) is TrainConfig
    assert composed.hydra.output_subdir is None
    assert composed.hydra.run.dir == "."
    assert composed.hydra.job.chdir is False
