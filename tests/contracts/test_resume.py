"""Contract 4, on the real task: a run that was stopped and started again ends with the weights of the unbroken one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.runs.train import train

SAMPLE = Path(__file__).parents[2] / "data" / "translation"
STEPS = 7  # an epoch has four


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("corpus")
    for side in ("en", "de"):
        lines = (SAMPLE / f"train.{side}").read_text(encoding="utf-8").splitlines()[:60]
        (folder / f"a.{side}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    sides = (("source", "en"), ("target", "de"))
    files = [f"data.{split}.{side}=a.{name}" for split in ("train", "val") for side, name in sides]
    return [
        "data=parallel_text",
        f"data.root={folder}",
        *files,
        "data.batch.type=examples",
        "data.batch.size=16",
    ]


EVERYTHING_RANDOM = [
    "data.tokenizer.kind=bpe",
    "data.tokenizer.vocabulary_size=160",
    "data.tokenizer.sampling.alpha=0.2",
    "model.embedding.size=12",
    "model.embedding.word_dropout=0.1",
    "model.encoder.units=8",
    "model.encoder.output_dropout=0.2",
    "model.encoder.recurrent_dropout=0.2",
    "model.decoder.units=16",
    "model.decoder.dropout=0.2",
    "model.decoder.recurrent_dropout=0.2",
    "model.decoder.attention.layer_size=12",
    "task.scheduled_sampling.schedule=linear",
    "task.scheduled_sampling.warmup_steps=10",
    "optimizer.schedule.name=inverse_sqrt",
    "optimizer.schedule.warmup_steps=4",
    "training.ema_decay=0.9",
    "training.report_every=1",
    "training.validate_every=1000",
    "training.plots=false",
    "training.tensorboard=false",
]


def trained(run_dir: Path, data: list[str], *stops: int) -> tuple[dict[str, np.ndarray], list[dict]]:
    """All that a run's last checkpoint and its metrics hold, after training up to each of `stops` in turn."""
    for stop in stops:
        train(compose([*data, *EVERYTHING_RANDOM, f"run_dir={run_dir}", f"training.max_steps={stop}"]))
    reader = tf.train.load_checkpoint(str(run_dir / "checkpoints" / f"step-{stops[-1]:08d}" / "training"))
    tensors = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    records = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    untimed = ("loss", "cross_entropy", "gradient_norm", "learning_rate", "step", "epoch")
    return tensors, [{key: record[key] for key in untimed} for record in records if "loss" in record]


@pytest.mark.slow
def test_stopped_and_started_again_equals_unbroken(tmp_path: Path, data: list[str]) -> None:
    unbroken, reports = trained(tmp_path / "unbroken", data, STEPS)
    broken, broken_reports = trained(
        tmp_path / "broken", data, 3, 4, STEPS
    )  # within an epoch, and at its end
    assert unbroken.keys() == broken.keys()
    for name, value in unbroken.items():
        if not isinstance(value, bytes):  # the graph of the objects
            np.testing.assert_array_equal(value, broken[name], err_msg=name)
    assert reports == broken_reports
    assert [report["step"] for report in reports] == list(range(1, STEPS + 1))
