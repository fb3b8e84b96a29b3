"""The examples of docs/extending.md, added to their tables and taken through all that a run goes through."""

from __future__ import annotations

import json
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

import seq2seq
from seq2seq.config.saved import load
from seq2seq.runs.export import Exported, export
from seq2seq.runs.use import Run
from tests.contracts.extension.blocks import code_of


def added(
    section: str, table: MutableMapping[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    """The code of a section as a module, which has added `name` to a table; both are gone after the test, or after
    those of the whole folder, where their fixture has added it."""
    if name in table:
        return sys.modules[f"example_{name}"]
    monkeypatch.setitem(table, name, None)
    module = ModuleType(f"example_{name}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code_of(section), f"docs/extending.md: {section}", "exec"), vars(module))
    assert table[name] is not None
    return module


CHEAP = [
    "training.epochs=99",
    "training.tensorboard=false",
    "search=greedy",
    "search.max_length_offset=1",
    "export.examples=2",
    "optimizer.schedule.total_steps=4",
]


class Way(NamedTuple):
    """What came of a run at each of its stations.

    Attributes:
        run: after training.
        summary: of the run.
        answers: to the inputs.
        exported: the export.
        exported_to: its folder.
        module: the SavedModel.
    """

    run: Run
    summary: dict[str, Any]
    answers: list[Any]
    exported: Exported
    exported_to: Path
    module: Any

    @property
    def texts(self) -> list[str]:
        """The best answer to each input."""
        return [answer.texts[0] for answer in self.answers]

    def served(self, inputs: Sequence[str]) -> list[str]:
        """What the SavedModel makes of texts."""
        found = self.module.signatures["translate"](text=tf.constant(inputs))
        return [text.decode() for text in found["text"].numpy()]


def trained(options: Sequence[str], folder: Path, steps: int) -> Path:
    return seq2seq.train(
        seq2seq.compose([*CHEAP, *options, f"run_dir={folder}", f"training.max_steps={steps}"])
    )


def weights(run: Run) -> list[np.ndarray]:
    return [variable.numpy() for variable in run.model.trainable_variables]


def taken_through(
    options: Sequence[str], folder: Path, inputs: Sequence[str], use: Sequence[str] = ()
) -> Way:
    """Trained for a step, gone on with for another, evaluated, asked, exported.

    Args:
        options: of the run.
        folder: for all files.
        inputs: that the run is asked about.
        use: overrides of `search.*` and `export.*` for what comes after training.
    """
    run = seq2seq.load(trained(options, folder / "run", 1))
    first = weights(run)
    seq2seq.train(load(run.folder.path, ["training.max_steps=2"]))
    way = put_to_use(run.folder.path, folder / "exported" / "1", inputs, use)
    assert any((a != b).any() for a, b in zip(first, weights(way.run)))
    records = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    validated = [record["val_loss"] for record in records if "val_loss" in record]
    assert way.run.evaluate("val").metrics["loss"] == pytest.approx(validated[-1])
    return way


def put_to_use(trained_run: Path, exported_to: Path, inputs: Sequence[str], use: Sequence[str]) -> Way:
    """Asked and exported, as `taken_through` does it."""
    run = seq2seq.load(trained_run, use, checkpoint="latest")
    answers = list(run.predict(inputs))
    assert len(answers) == len(inputs) and all(np.isfinite(answer.scores[0]) for answer in answers)
    exported = export(run, exported_to)  # refuses to write what answers unlike the run
    assert exported.manifest["verification"]["examples"] == 2
    summary = json.loads((trained_run / "summary.json").read_text(encoding="utf-8"))
    return Way(run, summary, answers, exported, exported_to, tf.saved_model.load(str(exported_to)))
