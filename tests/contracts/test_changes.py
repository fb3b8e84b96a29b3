"""Everything that may change when a run goes on does change, and what may not is refused by name.

With the data moved to another folder, on a run of two steps that each case goes on with by one.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from seq2seq.config.compose import compose
from seq2seq.config.saved import CHANGEABLE, load
from seq2seq.errors import UserError
from seq2seq.runs.train import train

SAMPLE = Path(__file__).parents[2] / "data" / "translation"

TINY = [
    "data=parallel_text",
    *(f"data.{split}.source=a.en" for split in ("train", "val")),
    *(f"data.{split}.target=a.de" for split in ("train", "val")),
    "data.tokenizer.kind=word",
    "data.batch={type: examples, size: 16}",
    "model.embedding.size=4",
    "model.encoder.units=4",
    "model.decoder.units=4",
    "model.decoder.attention.layer_size=4",
    "search.max_length_offset=1",
    "training.max_steps=2",
    "training.validate_every=1000",
    "training.plots=false",
    "training.tensorboard=false",
    "task.examples_shown=0",
]  # fmt: skip

CHANGES = {
    "more of everything": [
        "training.epochs=11", "training.validate_every=1", "training.report_every=1", "training.checkpoint_every=1",
        "training.keep_checkpoints=2", "training.accumulate=2", "training.profile='3:3'", "training.average_last=2",
        "training.ema_decay=0.9", "training.early_stopping.patience=3", "training.early_stopping.min_delta=0.1",
        "training.max_minutes=90", "training.progress=false", "training.plots=true", "training.tensorboard=true",
    ],
    "other arithmetic, search and length": [
        "hardware.precision=bfloat16", "hardware.device=cpu", "hardware.strategy=one", "search=beam",
        "search.beam_width=2", "export.examples=3", "task.examples_shown=1", "optimizer.schedule.total_steps=3",
        "optimizer.schedule.minimum=0.1",
    ],
}  # fmt: skip

ELSEWHERE = {
    "training.max_steps",  # changes in each case
    "hardware.logical_devices",  # of the process
    "hardware.logical_memory",
    "hardware.threads.intra",
    "hardware.threads.inter",
    "hardware.cluster",  # of several processes
    "hardware.timeout",
    "hardware.tpu",
    "hardware.xla",  # tests/contracts/test_static.py
}


def keys(config: Any, prefix: str = "") -> list[str]:
    names = []
    for field in fields(config):
        value = getattr(config, field.name)
        inner = keys(value, f"{prefix}{field.name}.") if is_dataclass(value) else [prefix + field.name]
        names += inner
    return names


def test_every_key_of_training_and_hardware_is_among_the_changes() -> None:
    changed = {text.partition("=")[0] for change in CHANGES.values() for text in change} | ELSEWHERE
    config = compose([])
    assert {*keys(config.training, "training."), *keys(config.hardware, "hardware.")} <= changed
    assert all(key == "search" or key.startswith(CHANGEABLE) for key in changed)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run, with its data beside it."""
    folder = tmp_path_factory.mktemp("changes")
    (folder / "data").mkdir()
    for side in ("en", "de"):
        lines = (SAMPLE / f"train.{side}").read_text(encoding="utf-8").splitlines()[:60]
        (folder / "data" / f"a.{side}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return train(compose([*TINY, f"data.root={folder / 'data'}", f"run_dir={folder / 'run'}"]))


def copy(run: Path, folder: Path) -> tuple[Path, str]:
    """The run and its data in another folder, and the override that says where the data is."""
    shutil.copytree(run.parent, folder, dirs_exist_ok=True)
    return folder / run.name, f"data.root={folder / 'data'}"


def rates(run: Path) -> dict[int, float]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {record["step"]: record["learning_rate"] for record in records}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_what_may_change_does(change: str, run: Path, tmp_path: Path) -> None:
    folder, root = copy(run, tmp_path)
    overrides = [root, "training.max_steps=3", *CHANGES[change]]
    train(load(folder, overrides))
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["steps"], summary["ended"]) == (3, "3 steps")
    assert rates(folder)[3] == pytest.approx(0.1 * 2e-3 if change.startswith("other") else 0.0)
    for path in (folder / "checkpoints").glob("step-*3"):
        state = json.loads((path / "checkpoint.json").read_text())["state"]
        assert state["schedule"]["total_steps"] == (3 if change.startswith("other") else 2)
    train(load(folder, [root, "training.max_steps=4"]))  # and back again
    assert json.loads((folder / "summary.json").read_text())["steps"] == 4


def write(folder: Path, pairs: list[tuple[str, str]]) -> None:
    for name, lines in zip(("a.en", "a.de"), zip(*pairs)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.mark.slow
def test_other_data_is_refused_before_a_step(run: Path, tmp_path: Path) -> None:
    folder, root = copy(run, tmp_path)
    before = {path: path.read_bytes() for path in (folder / "checkpoints").rglob("*") if path.is_file()}
    data = tmp_path / "data"
    pairs = list(zip(*((data / name).read_text(encoding="utf-8").splitlines() for name in ("a.en", "a.de"))))
    config = load(folder, [root, "training.max_steps=4"])
    for other, differences in (
        (
            pairs[:20],
            "train: 20 pairs, the run was trained on 60; val: 20 pairs, the run was validated on 60",
        ),
        (
            pairs * 2,
            "train: 120 pairs, the run was trained on 60; val: 120 pairs, the run was validated on 60",
        ),
        (
            [("another line", pairs[0][1]), *pairs[1:]],
            "train: the content of its 60 pairs has changed; val: the content of its 60 pairs has changed",
        ),
    ):
        write(data, other)
        with pytest.raises(UserError) as refused:
            train(config)
        assert f"the data is not what this run was trained on ({differences})" in str(refused.value)
    write(data, pairs)
    assert before == {
        path: path.read_bytes() for path in (folder / "checkpoints").rglob("*") if path.is_file()
    }
    train(config)
    assert json.loads((folder / "summary.json").read_text())["steps"] == 4
