"""A process of `test_strategy`: trains tasks for some steps, each in a fork, on the hardware that it is told."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from unittest import mock

from seq2seq.config.compose import compose
from seq2seq.runs.train import train
from tests.contracts.stopped_process import ended, fork
from tests.tiny_speech import SIZES

DATA = Path(__file__).parents[2] / "data"
STEPS = 20  # an epoch has seven, the last of them with one example

SHARED = [
    "data.batch.type=examples",
    "data.batch.size=7",  # the last batch of an epoch has fewer rows than there are replicas
    "data.tokenizer.kind=character",
    "optimizer=adamw",
    "optimizer.epsilon=1e-3",  # else gradients that are nothing but rounding would make whole steps
    "optimizer.learning_rate=0.01",
    "optimizer.l2=1e-4",
    "optimizer.clip_norm=0.5",
    "optimizer.schedule.warmup_steps=0",
    "training.ema_decay=0.9",
    f"training.max_steps={STEPS}",
    "training.epochs=20",
    "training.validate_every=1000",
    "training.report_every=1",
    "training.plots=false",
    "training.tensorboard=false",
    "training.progress=false",
    "task.examples_shown=0",
    "search.max_length_ratio=0.1",
]

CLASSIFICATION = [
    "task=classification",
    "model.embedding.size=8",
    "model.embedding.dropout=0",
    "model.encoder.units=6",
    "model.head.dropout=0",
]

LANGUAGE_MODEL = [
    "task=language_model",
    "model.embedding.size=8",
    "model.embedding.dropout=0",
    "model.encoder.units=6",
    "model.encoder.output_dropout=0",
    "task.activation_l2=0.5",
    "task.temporal_l2=0.5",
]

STREAM = [*LANGUAGE_MODEL, "task.stream.window=11", "task.stream.random_window=true"]

AUTOENCODER = [
    "task=autoencoder",
    "model.embedding.size=8",
    "model.embedding.dropout=0",
    "model.encoder.units=6",
    "model.decoder.units=6",
    "model.decoder.attention.layer_size=8",
]

TRANSLATION = [
    "model.embedding.size=8",
    "model.embedding.dropout=0",
    "model.encoder.units=6",
    "model.encoder.output_dropout=0",
    "model.decoder.units=8",
    "model.decoder.attention.layer_size=8",
    "model.decoder.attention.dropout=0",
]


def corpus(folder: Path) -> None:
    """43 examples to train on, 9 to validate on, of all lengths."""
    folder.mkdir(parents=True)
    for side in ("en", "de"):
        lines = (DATA / "translation" / f"train.{side}").read_text(encoding="utf-8").splitlines(keepends=True)
        for split, part in (("train", lines[:43]), ("val", lines[43:52])):
            (folder / f"{split}.{side}").write_text("".join(part), encoding="utf-8")
    lines = (DATA / "classification" / "train.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    for split, part in (("train", lines[:43]), ("val", lines[43:52])):
        (folder / f"{split}.labels.tsv").write_text("".join(part), encoding="utf-8")
    header, *rows = (DATA / "speech" / "train.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [row.replace("\t", f"\t{DATA}/speech/", 1) for row in rows]  # the second column is the file
    for split, part in (("train", rows[:43]), ("val", rows[43:52])):
        (folder / f"{split}.tsv").write_text(header + "".join(part), encoding="utf-8")


def data_of(task: str, files: Path) -> list[str]:
    """Overrides that name the corpus."""
    splits, sides = ("train", "val"), (("source", "en"), ("target", "de"))
    if task == "speech":
        return ["data=audio_table", *(f"data.{split}={files}/{split}.tsv" for split in splits)]
    if task == "classification":
        return ["data=labelled_text", *(f"data.{split}={files}/{split}.labels.tsv" for split in splits)]
    if task in ("language_model", "stream", "autoencoder"):
        return ["data=text", *(f"data.{split}={files}/{split}.en" for split in splits)]
    pairs = [f"data.{split}.{side}={files}/{split}.{name}" for split in splits for side, name in sides]
    return ["data=parallel_text", *pairs]


OPTIONS = {
    "translation": TRANSLATION,
    "speech": SIZES,
    "classification": CLASSIFICATION,
    "language_model": LANGUAGE_MODEL,
    "stream": STREAM,
    "autoencoder": AUTOENCODER,
}


def make_run(task: str, files: str, run: str, options: list[str], tf_config: str) -> None:
    os.environ["TF_CONFIG"] = tf_config
    config = compose([*OPTIONS[task], *data_of(task, Path(files)), *SHARED, *options, f"run_dir={run}"])
    with mock.patch("seq2seq.runs.train._finish"):  # evaluation, in whose graphs updates have no part
        train(config)


def main() -> None:
    """Of each line of JSON it makes the runs, all at a time, and answers with their exit codes."""
    for line in sys.stdin:
        processes = [
            fork(Path(f"{number}.log"), partial(make_run, *arguments))
            for number, arguments in enumerate(json.loads(line))
        ]
        print(json.dumps([ended(process) for process in processes]), flush=True)


if __name__ == "__main__":
    main()
