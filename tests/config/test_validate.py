"""Everything that a configuration refuses, in which words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from seq2seq.config.compose import compose, refuse
from seq2seq.config.groups.text_data import ParallelTextConfig, TextPair
from seq2seq.config.groups.translation import TranslationTaskConfig
from seq2seq.config.hydra_loader import Loader
from seq2seq.config.root import TrainConfig
from seq2seq.config.validate import out_of_range, problems_of
from seq2seq.errors import ConfigError
from tests.config.conftest import Write


def problems(overrides: Sequence[str], config_dir: str | None = None) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        compose(overrides, config_dir)
    return refused.value.problems


@pytest.mark.parametrize(
    ("override", "said"),
    [
        # unknown choices
        ("data=tvs", ["data=tvs: no such choice", "did you mean tsv?", "multi30k, parallel_text"]),
        (
            "model=3",
            [
                "model=3: no such choice",
                "valid: autoencoder, classification, language_model, speech, translation, translation_large",
            ],
        ),
        (
            "data=tsv_schema",
            ["data=tsv_schema: no such choice; valid: an4, audio_jsonl, audio_table, common_voice"],
        ),
        ("data=null", ["data=null: no such choice"]),
        ("experiment=multi30k", ["experiment=multi30k: no such choice", "did you mean multi30k_en_de?"]),
        ("experiment=[multi30k_en_de,foo]", ["experiment=foo: no such choice"]),
        # unknown keys
        ("model.encoder.unit=3", ["model.encoder.unit: no such key", "did you mean model.encoder.units?"]),
        (
            "model.encodr.units=3",
            ["did you mean model.encoder.units?", "model has: cell, embedding, encoder, initializer_range"],
        ),
        ("+decoding.beam_widht=3", ["decoding.beam_widht: no such key", "did you mean search.beam_width?"]),
        ("++model.extra=1", ["model.extra: no such key"]),
        ("learning_rate=1", ["did you mean optimizer.learning_rate?"]),
        ("seeds=1", ["did you mean seed?", "valid: task, data, model"]),
        ("seed.x=1", ["seed.x: seed is a value, it has no keys"]),
        (
            "optimizer.options.a=1",
            ["optimizer.options is a value, it has no keys; write optimizer.options={a: …}"],
        ),
        ("optimizer.options=[a]", ["optimizer.options=[a]: must be a mapping, {name: value}, or null"]),
        (
            "optimizer.options={a-b: 1}",
            ["optimizer.options={a-b:1}: must be a mapping, {name: value}, or null"],
        ),
        ("optimizer.name=adamm", ["must be one of adam, adamw, sgd; did you mean adam?"]),
        ("model.decoder.attention.kind=additive", ["luong_monotonic, ", "location; did you mean bahdanau?"]),
        ("model.encoder.kind=recurent", ["must be one of recurrent, acoustic; did you mean recurrent?"]),
        (
            "hardware.strategy=ddp",
            ["must be one of auto, one, mirrored, multi_worker; did you mean mirrored?"],
        ),
        (
            "data.source_column=1",
            ["data.source_column: no such key"],
        ),  # TSV's, and the data are parallel text
        # types
        ("model.encoder.units=many", ["model.encoder.units=many: must be a whole number"]),
        ("model.encoder.units=1.5", ["must be a whole number"]),
        ("model.encoder.units=null", ["model.encoder.units=null: must be a whole number"]),
        ("optimizer.learning_rate=fast", ["must be a number"]),
        ("task.lowercase_metric=maybe", ["must be true or false"]),
        ("training.max_steps=soon", ["must be a whole number or null"]),
        (
            "task.metric=blue",
            ["must be one of bleu, chrf, wer, cer, accuracy, macro_f1, loss; did you mean bleu?"],
        ),
        ("task.scheduled_sampling.schedule=off", ["must be one of none, constant, linear, inverse_sigmoid"]),
        ("masking.policy=statik", ["must be one of strict", "did you mean static?"]),
        ("model.encoder=3", ["model.encoder=3: a group of keys (kind, layers, units,"]),
        ("data.train.source=[a,1]", ["data.train.source=[a,1]: must be a path or a list of paths"]),
        ("data.train.source=[]", ["must be a path or a list of paths"]),
        # ranges
        ("model.encoder.dropout=1", ["model.encoder.dropout=1.0: must be at least 0 and below 1"]),
        ("model.embedding.dropout=-0.1", ["must be at least 0 and below 1"]),
        ("model.decoder.units=0", ["model.decoder.units=0: must be above 0"]),
        ("optimizer.learning_rate=nan", ["optimizer.learning_rate=nan: must be a finite number, above 0"]),
        ("optimizer.learning_rate=inf", ["optimizer.learning_rate=inf: must be a finite number, above 0"]),
        ("model.cell.forget_bias=inf", ["must be a finite number"]),
        ("data.tokenizer.vocabulary_size=4", ["must be above 4"]),
        ("data.tokenizer.character_coverage=1.1", ["must be above 0 and at most 1"]),
        ("training.max_steps=0", ["training.max_steps=0: must be above 0"]),
        # the grammar
        ("foo", ["foo: cannot be read; write key=value"]),
        ("seed=a,b=", ["cannot be read"]),
        ("model.encoder.units=1,2", ["several values are a sweep, which needs -m"]),
        ("model=translation,translation_large", ["several values are a sweep, which needs -m"]),
        ("+experiment=multi30k_en_de", ["write experiment=multi30k_en_de, without +"]),
        ("+seed=2", ["the key exists already"]),
        ("~model", ["nothing of a configuration can be taken away"]),
        ("~model.encoder.units", ["nothing of a configuration can be taken away"]),
        ("data@model=tsv", ["write data=tsv"]),
        ("data.root=${data.folder}", ["data.root: Interpolation key 'data.folder' not found"]),
    ],
)
def test_one_wrong_override_is_one_sentence(override: str, said: list[str]) -> None:
    (problem,) = problems([override])
    for words in said:
        assert words in problem


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["data=tsv", "data.val=a"], "data.train: not given"),
        (["data=jsonl", "data.train=a"], "data.val: not given"),
        (["data.train.source=null"], "data.train.source: not given"),
        (["data.test.target=null"], "data.test.target: not given"),
        (["data.format=tsv"], "data.format=tsv: set by the choice of data=; write data=tsv"),
        (
            ["data=tsv", "data.train=a", "data.val=b", "data.source_column=1"],
            "is the source's column as well",
        ),
        (
            ["data=jsonl", "data.train=a", "data.val=b", "data.source_field=target"],
            "is the source's field as well",
        ),
        (["model.embedding.tie=all", "data.tokenizer.shared=false"], "needs one vocabulary"),
        (["model.embedding.tie=source_target", "data.tokenizer.shared=false"], "needs one vocabulary"),
        (["model.bridge=copy", "model.encoder.units=7"], "copies a state of 14 units"),
        (
            ["model.decoder.units=8", "model.decoder.attention.units=7"],
            "keys as deep as the decoder's output, 8",
        ),
        (
            ["model.decoder.attention.kind=location", "model.decoder.attention.location_width=8"],
            "must be odd, to see as far to both sides",
        ),
        (["task=speech", "model.decoder.attention.kind=none"], "no state holds an utterance"),
        (["model.decoder.attention.smoothing=true"], "only kind=location has it, not kind=luong"),
        (["model.decoder.attention.window=5"], "only kind=location has it, not kind=luong"),
        (["task.scheduled_sampling.schedule=linear"], "warmup_steps, which must be above 0"),
        (
            ["data.tokenizer.kind=word", "data.tokenizer.sampling.alpha=0.1"],
            "sampling needs kind unigram or bpe",
        ),
        (["data.tokenizer.kind=word", "data.tokenizer.source_model=m"], "SentencePiece models need kind"),
        (["data.tokenizer.source_model=a", "data.tokenizer.target_model=b"], "one model serves both sides"),
        (["optimizer.weight_decay=0.1"], "only optimizer=adamw has it"),
        (["optimizer.momentum=0.9"], "only optimizer=sgd has it"),
        (["optimizer.nesterov=true"], "only optimizer=sgd has it"),
        (["optimizer=sgd", "optimizer.nesterov=true"], "looks ahead of nothing without optimizer.momentum"),
        (["model.encoder.kind=acoustic"], "needs keys that this model does not have"),
        (["search.beam_width=5"], "take search=beam"),
        (["search=beam", "search.n_best=6"], "at most as many as search.beam_width=5"),
        (["search.min_length_ratio=3"], "above search.max_length_ratio=2"),
        (
            ["training.keep_checkpoints=5", "training.average_last=6"],
            "only training.keep_checkpoints=5 are kept",
        ),
        (["hardware=gpu", "hardware.precision=bfloat16"], "hardware.device=gpu takes float16 or float32"),
        (["hardware=cpu", "hardware.precision=float16"], "hardware.device=cpu takes bfloat16 or float32"),
        (["hardware=tpu"], "hardware.device=tpu: needs masking=static, not masking=strict"),
        (["hardware=tpu", "masking=static", "hardware.precision=bfloat16"], "a TPU multiplies in bfloat16"),
        (["hardware=tpu", "masking=static", "hardware.strategy=mirrored"], "hardware.device=tpu has its own"),
        (["hardware.logical_devices=2"], "hardware.logical_devices=2: only hardware=mirrored has them"),
        (["hardware.xla=true"], "hardware.xla=true: needs masking=static, not masking=strict"),
        (
            ["hardware.xla=true", "masking=static", "hardware=mirrored"],
            "hardware.xla=true: is for one device",
        ),
        (
            ["training.profile=5"],
            "training.profile=5: must be START:STOP, the first and the last of some steps",
        ),
    ],
)
def test_what_does_not_go_together_is_one_sentence(overrides: list[str], said: str) -> None:
    (problem,) = problems(overrides)
    assert said in problem
    assert problem.startswith(overrides[-1].split("=")[0].split(".")[0]) or len(overrides) > 1


@pytest.mark.parametrize(
    "overrides",
    [
        ["model.bridge=copy", "model.encoder.units=8", "model.decoder.units=16"],
        ["model.decoder.attention.kind=bahdanau", "model.decoder.attention.units=7"],
        ["model.decoder.attention={kind: location, smoothing: true, window: 5, location_width: 31}"],
        ["model.embedding.tie=target_output", "data.tokenizer.shared=false"],
        ["data.test={source: null, target: null}"],
        ["data.train.source=[a,b]"],  # lines are counted, not files
        ["optimizer=sgd", "optimizer.momentum=0.9"],
        ["search=beam", "search.n_best=5"],
        ["data.tokenizer.sampling.alpha=0.1"],
        ["++seed=2"],
        ["run_dir=${oc.env:HOME}/runs/mine"],
    ],
)
def test_what_goes_together_is_accepted(overrides: list[str]) -> None:
    assert isinstance(compose(overrides), TrainConfig)


def test_everything_wrong_is_said_at_once() -> None:
    found = problems(
        ["data=tvs", "model.encodr.units=3", "task.metric=blue", "model.encoder.dropout=1.5", "foo"]
    )
    assert [problem.split(":")[0] for problem in found] == [
        "foo",
        "data=tvs",
        "model.encodr.units",
        "task.metric=blue",
        "model.encoder.dropout=1.5",
    ]


def test_a_mistake_does_not_cause_a_second_sentence() -> None:
    (problem,) = problems(["data=tsv", "data.train=a", "data.vall=b"])  # without "data.val: not given"
    assert problem.startswith("data.vall: no such key")


def test_an_experiment_is_checked_like_a_command_line(own_choices: Write) -> None:
    folder = own_choices(
        "experiment/mine.yaml",
        "# @package _global_\nmodel:\n  encoder: {unitz: 3, dropout: high}\ntask: {metric: loss}\nsede: 1\n",
    )
    assert [problem.split(";")[0] for problem in problems(["experiment=mine"], folder)] == [
        "in experiment/mine.yaml: model.encoder.unitz: no such key",
        "in experiment/mine.yaml: model.encoder.dropout=high: must be a number",
        "in experiment/mine.yaml: sede: no such key",
    ]


def test_an_experiment_that_forgot_its_package(own_choices: Write) -> None:
    folder = own_choices("experiment/mine.yaml", "model:\n  bridge: copy\n")
    (problem,) = problems(["experiment=mine"], folder)
    assert problem.startswith("experiment/mine.yaml: must begin with the line `# @package _global_`")


def test_an_experiment_with_a_wrong_choice(own_choices: Write) -> None:
    folder = own_choices("experiment/mine.yaml", "# @package _global_\ndefaults:\n  - override /data: tvs\n")
    (problem,) = problems(["experiment=mine"], folder)
    assert problem.startswith("in experiment/mine.yaml: data=tvs: no such choice; did you mean tsv?")
    assert "schema" not in problem


def test_an_experiment_that_is_not_yaml(own_choices: Write) -> None:
    folder = own_choices("experiment/mine.yaml", "# @package _global_\nmodel: [\n")
    (problem,) = problems(["experiment=mine"], folder)
    assert "experiment/mine.yaml, line 3: not valid YAML" in problem


def test_own_choices_are_used(own_choices: Write) -> None:
    folder = own_choices("model/tiny.yaml", "encoder: {units: 8}\ndecoder: {units: 16}\n")
    config = compose(["model=tiny"], folder)
    assert (config.model.encoder.units, config.model.decoder.units) == (8, 16)


def test_a_missing_config_dir_is_named() -> None:
    assert problems([], "nowhere/at/all") == ["--config-dir nowhere/at/all: no such folder"]


def test_every_job_of_a_sweep_is_checked() -> None:
    loader = Loader()
    refuse(["model.encoder.units=8,16", "optimizer=adam,sgd"], loader, multirun=True)
    with pytest.raises(ConfigError) as refused:
        refuse(
            ["optimizer=adam,sgd,adagrad", "model.encoder.units=8,x", "seed=range(1,3)"],
            loader,
            multirun=True,
        )
    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        "model.encoder.units=x",
        "optimizer=adagrad",
    ]


def test_ranges_are_checked_on_objects_made_in_python() -> None:
    pair = TextPair(source="a", target="b")
    config = TrainConfig(task=TranslationTaskConfig(), data=ParallelTextConfig(train=pair, val=pair))
    assert problems_of(config) == []
    config.model.encoder.units = 0
    config.optimizer.beta_2 = 1.0
    assert out_of_range(config) == [
        "model.encoder.units=0: must be above 0",
        "optimizer.beta_2=1.0: must be at least 0 and below 1",
    ]
