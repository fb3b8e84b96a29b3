"""Words of other systems, and mistyped ones: each is answered with what is meant."""

from __future__ import annotations

import pytest
from omegaconf import DictConfig, OmegaConf

from seq2seq.config import words
from seq2seq.config.compose import compose
from seq2seq.config.groups.text_data import ParallelTextConfig
from seq2seq.config.groups.translation import TranslationTaskConfig
from seq2seq.config.root import TrainConfig
from seq2seq.config.tables import DATA_FORMATS, TASKS
from seq2seq.config.validate import assign
from seq2seq.config.words import dotted, likely_keys, option_advice
from seq2seq.errors import ConfigError
from tests.config.conftest import Write

TASK_NAMES = ", ".join(sorted(TASKS))
GPU = "write hardware=gpu (CUDA_VISIBLE_DEVICES=N picks one of several), or hardware=mirrored for all of them"
TEXT = "parallel_text, tsv, jsonl"
SPEECH = "audio_table, audio_jsonl, librispeech, common_voice, kaldi"


def problems(*overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        compose(overrides)
    return refused.value.problems


def translation() -> DictConfig:
    """What `train.yaml` chooses, quicker than composing it."""
    config = OmegaConf.structured(TrainConfig)
    config.task, config.data = TranslationTaskConfig, ParallelTextConfig
    return config


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("optimizer.lr", "optimizer.learning_rate"),
        ("lr", "optimizer.learning_rate"),
        ("training.lr", "optimizer.learning_rate"),
        ("learning_rate", "optimizer.learning_rate"),
        ("optimizer.learning-rate", "optimizer.learning_rate"),
        ("LR", "optimizer.learning_rate"),
        ("search.beam", "search.beam_width"),
        ("search.n_beams", "search.beam_width"),
        ("beam_size", "search.beam_width"),
        ("search.lenpen", "search.length_penalty"),
        ("model.encoder.hidden", "model.encoder.units"),
        ("model.encoder.units_", "model.encoder.units"),
        ("encoder.units", "model.encoder.units"),
        ("units", "model.encoder.units or model.decoder.units"),
        ("model.hidden_size", "model.encoder.units or model.decoder.units"),
        ("dropout", "model.encoder.dropout or model.decoder.dropout"),
        ("model.dropout", "model.encoder.dropout or model.decoder.dropout"),
        ("model.bidirectional", "model.encoder.bidirectional"),
        ("batch_size", "data.batch.size"),
        ("training.batch_size", "data.batch.size"),
        ("data.batch_size", "data.batch.size"),
        ("search.batch", "search.batch_size"),
        ("epochs", "training.epochs"),
        ("num_train_epochs", "training.epochs"),
        ("train.epochs", "training.epochs"),
        ("optimizer.warmup", "optimizer.schedule.warmup_steps"),
        ("patience", "training.early_stopping.patience"),
        ("data.train.src", "data.train.source"),
        ("data.dev.source", "data.val.source"),
        ("data.valid.tgt", "data.val.target"),
        ("data.trian.target", "data.train.target"),
        ("vocab_size", "data.tokenizer.vocabulary_size"),
        ("max_len", "data.max_source_length or data.max_target_length"),
        ("metric", "task.metric"),
        ("output_dir", "run_dir"),
        ("seeds", "seed"),
    ],
)
def test_a_key_is_answered_with_the_one_that_is_meant(key: str, meant: str) -> None:
    (problem,) = assign(translation(), key, 3)
    assert problem.startswith(f"{key}: no such key; did you mean {meant}? ")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("gpu=0", f"gpu: no such key; {GPU}"),
        ("hardware.gpus=2", f"hardware.gpus: no such key; {GPU}"),
        ("fp16=true", "fp16: no such key; write hardware.precision=float16, on a GPU"),
        ("resume=runs/x", "resume: no such key; write run_dir=RUN, which goes on with that run"),
        # choices and values
        ("task=asr", f"task=asr: no such choice; did you mean speech? valid: {TASK_NAMES}"),
        ("task=nmt", f"task=nmt: no such choice; did you mean translation? valid: {TASK_NAMES}"),
        (
            "model=small",
            f"model=small: no such choice; did you mean translation? valid: {TASK_NAMES},"
            " translation_large, translation_small",
        ),
        ("experiment=foo", "experiment=foo: no such choice; valid: an4, multi30k_en_de"),
        ("optimizer=Adam", "optimizer=Adam: no such choice; did you mean adam? valid: adam, adamw, sgd"),
        (
            "hardware.precision=fp16",
            "hardware.precision=fp16: must be one of float32, bfloat16, float16; did you mean float16?",
        ),
        (
            "data.tokenizer.kind=spm",
            "data.tokenizer.kind=spm: must be one of unigram, bpe, word, character; did you mean unigram?",
        ),
        (
            "task.bleu_tokenizer=13",
            "task.bleu_tokenizer=13: must be one of none, zh, 13a, intl, char, ja-mecab, ko-mecab, spm, flores101,"
            " flores200, spBLEU-1K; did you mean 13a?",
        ),
        # a value where keys are, and keys where a value is
        (
            "data.train=train.tsv",
            "data.train=train.tsv: a group of keys (source, target), not a value; with data=tsv or data=jsonl it is"
            " one",
        ),
        (
            "data.batch=32",
            "data.batch=32: a group of keys (type, size, size_eval, window), not a value; did you mean"
            " data.batch.size=32?",
        ),
        # keys of other choices
        ("data.source_column=1", "data.source_column: no such key; only data=tsv has it"),
        ("data.max_seconds=9", "data.max_seconds: no such key; only task=speech has it"),
        ("task.ctc_weight=1", "task.ctc_weight: no such key; only task=speech has it"),
        ("model.features.mel_bins=40", "model.features.mel_bins: no such key; only task=speech has it"),
    ],
)  # fmt: skip
def test_one_clear_sentence(override: str, sentence: str) -> None:
    assert problems(override) == [sentence]


def test_a_group_of_keys_that_another_format_has() -> None:
    assert problems("data=tsv", "data.train=a", "data.val=b", "data.train.source=c") == [
        "data.train.source: data.train is a value, it has no keys; with data=parallel_text it has"
    ]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["data=librispeech"],
            f"data.format=librispeech: task=translation does not read it; write task=speech, or data= one of {TEXT}",
        ),
        (
            ["task=speech", "data=tsv"],
            f"data.format=tsv: task=speech does not read it; write task=translation, or data= one of {SPEECH}",
        ),
    ],
)
def test_data_of_another_task_names_the_task(overrides: list[str], sentence: str) -> None:
    assert problems(*overrides, "data.train=a", "data.val=b") == [sentence]


def test_a_tokenizer_and_tokenised_text_do_not_go_together() -> None:
    assert problems("task.metric_on=tokenized", "task.bleu_tokenizer=zh") == [
        "task.bleu_tokenizer=zh: with task.metric_on=tokenized the text is compared as it stands; leave out one of"
        " the two"
    ]
    assert compose(["task.bleu_tokenizer=none"]).task.bleu_tokenizer == "none"  # type: ignore[attr-defined]


def test_files_of_choices_are_answered_alike(own_choices: Write) -> None:
    folder = own_choices("experiment/mine.yaml", "# @package _global_\noptimizer: {lr: 1}\n")
    with pytest.raises(ConfigError) as refused:
        compose(["experiment=mine"], folder)
    (problem,) = refused.value.problems
    assert problem.startswith(
        "in experiment/mine.yaml: optimizer.lr: no such key; did you mean optimizer.learning_rate? "
    )


@pytest.mark.parametrize(
    ("option", "value", "advice"),
    [
        ("--learning-rate", "0.1", "write optimizer.learning_rate=0.1"),
        ("--lr", None, "write optimizer.learning_rate=…"),
        ("--dropout", "0.3", "write model.encoder.dropout=0.3, or model.decoder.dropout=0.3"),
        ("--gpus", "2", GPU),
        ("--zzz", None, ""),
    ],
)
def test_options_of_other_programs(option: str, value: str | None, advice: str) -> None:
    assert option_advice(option, value) == advice


def test_a_key_that_exists_stands_for_no_other() -> None:
    assert likely_keys("model.encoder.units") == []


def test_every_word_stands_for_a_key_or_choice_that_exists() -> None:
    keys = set()
    for task in TASKS:
        for schema in DATA_FORMATS.values():
            config = OmegaConf.structured(TrainConfig)
            config.task, config.model, config.data = TASKS[task], TASKS[task].model, schema
            keys |= set(dotted(config))
    assert set(words._NAMES) <= keys
    assert set(words._PARTS.values()) <= {part for key in keys for part in key.split(".")}
    for names in words._NAMES.values():
        assert len(set(names.split())) == len(names.split())
