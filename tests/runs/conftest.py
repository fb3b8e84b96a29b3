"""A run with everything that a run has, made in a second: its steps and evaluations are stand-ins."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seq2seq.config.compose import compose
from seq2seq.runs.train import train
from seq2seq.tasks.evaluation import Evaluation
from seq2seq.tasks.translation.evaluator import TranslationEvaluator
from seq2seq.tasks.translation.translator import Prediction
from seq2seq.training.step import StepReport, TrainStep
from tests.runs.tiny import write_corpus

METRICS = {"loss": 1.0, "perplexity": 2.7, "bleu": 10.0, "chrf": 20.0}


@contextlib.contextmanager
def stand_ins_in_place() -> Iterator[None]:
    """Steps that change nothing, and evaluations that read the corpus and find what is always found."""

    def step(self: TrainStep, turns: Any, stop: bool = False) -> StepReport:
        return StepReport(1.0, 1.0, 1.0, 1e-3, 10.0, 1.0, finite=True, stop=False)

    def evaluate(self: TranslationEvaluator, index: Any) -> Evaluation:
        sources, references = (side.texts(np.arange(len(index))) for side in (index.source, index.target))
        predictions = [Prediction([text], [0.0], [], ["a"], None) for text in references]
        return Evaluation(METRICS, {"bleu": "a", "chrf": "b"}, predictions, sources, references)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainStep, "__call__", step)
        patch.setattr(TranslationEvaluator, "evaluate", evaluate)
        yield


@pytest.fixture
def stand_ins() -> Iterator[None]:
    with stand_ins_in_place():
        yield


@pytest.fixture(scope="session")
def options(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def finished(options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    with stand_ins_in_place():
        return train(compose([*options, f"run_dir={tmp_path_factory.mktemp('runs') / 'finished'}"]))


@pytest.fixture
def run(stand_ins: None, finished: Path, tmp_path: Path) -> Path:
    """A copy, to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "run [best] #1"))
