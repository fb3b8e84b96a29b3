"""Every benchmark runs, in its smallest size: what it measures is what its words say, not how much of it there is."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from seq2seq import cli
from seq2seq.config.compose import compose
from seq2seq.config.saved import to_yaml
from seq2seq.keras2 import keras
from seq2seq.runs.folder import RunFolder
from seq2seq.tasks.table import task_of
from seq2seq.training.checkpoints.store import CheckpointStore
from tests.addons import needs_addons
from tests.contracts.strategy_run import TRANSLATION, corpus, data_of
from tests.tiny_speech import SIZES

ROOT = Path(__file__).parents[2]
Benchmark = Callable[..., str]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Benchmark:
    """Runs a benchmark's `main` with arguments; returns what it printed."""

    def run(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        importlib.import_module(f"benchmarks.{name}").main()
        return capfd.readouterr().out

    return run


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few examples of both tasks, also under the names of Multi30k."""
    folder = tmp_path_factory.mktemp("benchmarks") / "corpus"
    corpus(folder)
    for side in ("en", "de"):
        for split, name in (("train", "train"), ("val", "val"), ("val", "test_2016_flickr")):
            text = (folder / f"{split}.{side}").read_text(encoding="utf-8").lower()
            (folder / f"{name}.lc.norm.tok.{side}").write_text(text, encoding="utf-8")
    return folder


def tiny(task: str, files: Path) -> list[str]:
    """Overrides of a small model and of the files."""
    sizes = TRANSLATION if task == "translation" else SIZES
    common = ["data.tokenizer.kind=character", "search.max_length_ratio=0.1", "search.max_length_offset=2"]
    return [*sizes, *data_of(task, files), *common]


@pytest.fixture(scope="module")
def trained(files: Path) -> dict[str, Path]:
    """By task, a run that nobody has trained."""
    runs = {}
    for name in ("translation", "speech"):
        config = compose(tiny(name, files))
        run = RunFolder.create(files.parent / name, task=name)
        run.write_config(to_yaml(config))
        keras.utils.set_random_seed(3)
        task = task_of(config)
        model = task.model(task.make_tokenizers(run.tokenizer))
        CheckpointStore(run.checkpoints).save(step=1, model=model, training={}, state={}, best=True)
        runs[name] = run.path
    return runs


def test_every_benchmark_is_here() -> None:
    names = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"__init__"}
    source = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in names if f'benchmark("{name}"' not in source} == set()


@pytest.mark.slow
def test_datasets(benchmark: Benchmark, tmp_path: Path) -> None:
    lines = benchmark("datasets", "--pairs", 2000, "--workdir", tmp_path).splitlines()
    assert [line.split()[0] for line in lines] == ["prepare", "tokenizer", "index", "plan", "batches"]
    assert lines[2].split()[5:7] == ["pairs", "2,000"]
    assert list(tmp_path.iterdir()) == []


@needs_addons
def test_decoder(benchmark: Benchmark) -> None:
    sizes = [
        f"--{name}={size}" for name, size in dict(source=3, target=2, units=4, memory=4, rounds=1).items()
    ]
    lines = benchmark("decoder", "--batch-size", 2, *sizes, "--kinds", "luong").splitlines()
    assert [line.rsplit(maxsplit=3)[0].strip() for line in lines[1:]] == ["luong", "luong, layer norm"]


@pytest.mark.slow
def test_recurrence(benchmark: Benchmark) -> None:
    output = benchmark("recurrence", "--batch-sizes", 2, "--time", 3, "--units", 256, "--rounds", 1)
    assert output.count("B=2 T=3 units=256") == 2
    assert output.count("ours, strict") == 2
    assert "PyTorch" in output  # measured, or said to be missing
    assert float(benchmark("recurrence", "--memory-of", "ours", "--time", 3, "--units", 8)) >= 0


@pytest.mark.slow
def test_language_model(benchmark: Benchmark) -> None:
    sizes = dict(vocabulary=20, embedding=4, units=5, batch=2, length=3, rounds=1, steps=1)
    output = benchmark("language_model", *(f"--{name}={size}" for name, size in sizes.items()))
    assert output.startswith("ours: ") and "tokens/s" in output
    assert "PyTorch" in output  # measured, or said to be missing


@pytest.mark.slow
def test_search(benchmark: Benchmark) -> None:
    output = benchmark("search", "--batch-size", 2, "--beam-width", 2, "--vocabulary-size", 60, "--units", 4,
                       "--source-length", 3)  # fmt: skip
    lines = output.splitlines()
    assert len(lines) == 9
    assert all(line.endswith(" sentences/s") for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["translation", "speech"])
def test_long_run(task: str, benchmark: Benchmark, files: Path) -> None:
    options = [text for text in tiny(task, files) if not text.startswith("task=")]
    output = benchmark("long_run", "--tasks", task, "--steps", 10, *options)
    assert output.startswith(f"{task}: 10 steps, 1 graph of the step; ")


@pytest.mark.slow
@pytest.mark.parametrize("fresh", [True, False])
def test_speech(fresh: bool, benchmark: Benchmark, files: Path, trained: dict[str, Path]) -> None:
    what = tiny("speech", files) if fresh else [trained["speech"]]
    output = benchmark("speech", *what, "--steps", 1, "--seconds", 2, "--rounds", 1)
    lines = output.splitlines()
    ways = ["greedy, batch of 16", "greedy, batch of 1", "beam 5, batch of 16", "beam 5, batch of 1"]
    assert [line.strip().rsplit("  ")[0].strip() for line in lines[1:-1]] == ways
    assert lines[-1].strip().startswith("training, batches of ")


class InProcess:
    """What stands in for processes: the same commands, in this one."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def __call__(self, command: list[str], folder: Path, *, output: bool = False) -> str:
        _, script, *arguments = command
        self.commands.append(Path(script).name)
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
            patch.setattr(sys, "argv", [script, *arguments])
            if script == "train.py":
                with pytest.raises(SystemExit) as end:
                    cli.main(["train", *arguments])
                assert not end.value.code
            else:
                runpy.run_path(script, run_name="__main__")
        return printed.getvalue() if output else ""


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcess]:
    processes = InProcess()
    monkeypatch.setattr("benchmarks.translation.run", processes)
    yield processes
    keras.mixed_precision.set_global_policy("float32")


def test_translation_decode(
    benchmark: Benchmark, in_process: InProcess, files: Path, trained: dict[str, Path]
) -> None:
    given = ["--data-root", files, "--run", trained["translation"], "--rounds", 1]
    output = benchmark("translation", "decode", *given).splitlines()
    assert [line.split(":")[0] for line in output[:2]] == ["greedy, ours", "beam, ours"]
    assert output[2:] == ["OpenNMT-tf was not measured: it needs --peer-python and --peer-folder."]
    assert in_process.commands == ["translation.py", "translation.py"]


@pytest.mark.slow
def test_translation_train(benchmark: Benchmark, in_process: InProcess, files: Path) -> None:
    sizes = ["model.embedding.size=8", "model.encoder.units=4", "model.decoder.units=8",
             "model.decoder.attention.layer_size=8", "data.tokenizer.vocabulary_size=120", "data.batch.size=8",
             "hardware.precision=float32", "training.validate_every=1000"]  # fmt: skip
    output = benchmark(
        "translation", "train", "--data-root", files, "--rounds", 1, "--steps", 2, "--json", *sizes
    )
    (speed,) = json.loads(output)["ours"]
    assert min(speed["tokens"], speed["sentences"]) > 0
    assert in_process.commands == ["train.py"]


@pytest.mark.parametrize(("task", "more"), [("translation", ["--rounded"]), ("speech", [])])
@pytest.mark.slow  # an export checks itself, in a process of its own
def test_export(task: str, more: list[str], benchmark: Benchmark, trained: dict[str, Path]) -> None:
    output = benchmark("export", trained[task], "export.examples=2", "--rounds", 1, "--soak", 20, *more)
    assert "export / checkpoint, time: at batch 1 " in output
    assert ("int8 / checkpoint, time: at batch 1 " in output) == bool(more)
    assert "soak: 20 calls, " in output


def test_kneser_ney(benchmark: Benchmark, files: Path, trained: dict[str, Path]) -> None:
    lines = benchmark("kneser_ney", trained["translation"], files / "train.en", files / "val.en").splitlines()
    assert [line.rsplit(maxsplit=1)[0] for line in lines] == ["perplexity per token", "perplexity per word"]
    assert all(float(line.split()[-1]) > 1 for line in lines)


@pytest.mark.slow  # three processes that train
@pytest.mark.skipif(
    not Path("/proc/net/dev").exists() or not hasattr(os, "sched_setaffinity"), reason="Linux alone"
)
def test_workers(benchmark: Benchmark, files: Path) -> None:
    choices: list[Any] = [*TRANSLATION, "model.embedding.size=8", "model.encoder.units=4",
                          "data.tokenizer.vocabulary_size=120", "data.batch.size=8"]  # fmt: skip
    output = benchmark("workers", "--data-root", files, "--rounds", 1, *choices)
    assert output.startswith("round 1: 1 process ")
