"""Stand-ins for training and for a trained run: nothing here trains or loads a model."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pytest

from seq2seq import cli
from seq2seq.config.compose import compose
from seq2seq.config.root import TrainConfig
from seq2seq.config.saved import to_yaml
from seq2seq.errors import UserError
from seq2seq.tasks.speech.alignment_files import WordSpan


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*arguments: str, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin)))
        monkeypatch.setattr(sys, "argv", ["seq2seq"])  # Hydra's own parser reads it
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return Outcome(int(left.value.code or 0), output.out, output.err)

    return run


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[TrainConfig]:
    """What training was called with."""
    configs: list[TrainConfig] = []
    module = ModuleType("seq2seq.runs.train")
    module.train = configs.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return configs


class Alignment(NamedTuple):
    """As that of `seq2seq.tasks.speech.aligner`, which needs TensorFlow."""

    name: str
    spans: Any
    duration: float
    unknown: bool


class FakeRun:
    """Translates a line into its words in reverse, and as many more as the n-best list asks for."""

    def __init__(self, n_best: int) -> None:
        self.n_best = n_best

    def evaluate(self, split: str) -> SimpleNamespace:
        return SimpleNamespace(metrics={"loss": 1.25, "bleu": 31.5}, signatures={"bleu": f"sig|{split}"})

    def predict_files(
        self,
        files: Sequence[str],
        standard_input: BinaryIO | None,
        *,
        alignments: bool,
        timestamps: bool,
        parts: bool,
    ) -> Iterator[tuple[str, Any]]:
        from seq2seq.tasks.translation.task import TranslationTask

        task: Any = object.__new__(TranslationTask)
        task.config = SimpleNamespace(task=SimpleNamespace(name="translation"))
        if timestamps:
            task.predictor(None, None, timestamps=True)
        self.alignments = alignments
        return task.predict_files(self, files, standard_input)

    def predict(self, lines: Iterable[str]) -> Iterator[SimpleNamespace]:
        for line in lines:
            pieces = line.split()
            yield SimpleNamespace(
                texts=[" ".join(pieces[::-1]) + "!" * rank for rank in range(self.n_best)],
                scores=[-0.5 - rank for rank in range(self.n_best)],
                pieces=pieces[::-1],
                source_pieces=pieces,
                alignment=np.eye(len(pieces))[::-1] if self.alignments else None,
            )

    def align(self, manifest: Path) -> Iterator[Alignment]:
        spans = [WordSpan("a", 0.0, 0.5), WordSpan("b", 0.5, 0.75)]
        names = manifest.read_text().split()
        return (Alignment(name, None if name == "hasty" else spans, 1.0, False) for name in names)

    def require_scored(self, files: Sequence[Path], verb: str) -> None:
        if verb != "score" or len(files) != 2:
            raise UserError(f"{verb} of {len(files)} files")

    def score(self, pairs: Iterable[tuple[str, str]]) -> Iterator[float]:
        return (-float(len(source) + len(target)) for source, target in pairs)


def fake_use_module() -> ModuleType:
    """A stand-in for what opens runs."""
    module = ModuleType("seq2seq.runs.use")

    def load_run(path: Path, overrides: list[str], checkpoint: str | None) -> FakeRun:
        if checkpoint == "gone":
            raise UserError("no such checkpoint")
        from seq2seq.config.saved import load

        return FakeRun(load(path, overrides).search.n_best)

    module.load_run = load_run  # type: ignore[attr-defined]
    module.average = lambda path, last: Path(path) / f"average-{last}"  # type: ignore[attr-defined]
    return module


@functools.cache
def saved_config() -> str:
    """The config.yaml of a run that is not the default's."""
    return to_yaml(compose(["seed=7", "model.encoder.units=16"]))


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, opened by a stand-in."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text(saved_config())
    monkeypatch.setitem(sys.modules, "seq2seq.runs.use", fake_use_module())
    return folder
