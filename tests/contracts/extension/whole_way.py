"""A section of docs/extending_texts.md as a user's own module, and the way of a run that uses it."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import tensorflow as tf
from hydra.core.config_store import ConfigStore

from seq2seq.config import tables
from seq2seq.config.compose import compose
from seq2seq.runs.export import Exported, export
from seq2seq.runs.train import train
from seq2seq.runs.use import Run, load_run
from tests.contracts.extension.blocks import code_of
from tests.runs.tiny import LINES, write_corpus


@contextmanager
def extension(section: str, folder: Path) -> Iterator[ModuleType]:
    """The code of a section, imported from a file in a folder; what it adds to tables is taken away at the end."""
    name, formats = f"my_{section.lower()}", set(tables.DATA_FORMATS)
    (folder / f"{name}.py").write_text(code_of(section), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for table in vars(tables).values():
            if isinstance(table, tables.Table):
                patch.setattr(table, "_entries", dict(table._entries))
        patch.syspath_prepend(folder)
        try:
            yield importlib.import_module(name)
        finally:
            sys.modules.pop(name, None)
            stored = ConfigStore.instance().repo.get("data", {})
            for choice in [
                name for name in stored if name.split(".")[0].removesuffix("_schema") not in formats
            ]:
                del stored[choice]


class Way(NamedTuple):
    """What came of a run at each of its stations."""

    run: Run
    summary: dict[str, Any]
    texts: list[str]
    exported: Exported
    module: Any
    """The SavedModel."""

    def served(self) -> list[str]:
        """What the SavedModel makes of the lines that `texts` are of."""
        answer = self.module.signatures["translate"](text=tf.constant(LINES))
        return [text.decode() for text in answer["text"].numpy()]


def go(folder: Path, *overrides: str, use: Sequence[str] = ()) -> Way:
    """Trains two steps on six pairs of lines, evaluates, predicts and exports, which checks the export.

    Args:
        folder: for all files.
        overrides: of the run.
        use: overrides of `search.*` and `export.*` for what comes after training.
    """
    corpus = write_corpus(folder)
    if any(option.startswith("data=") for option in overrides):
        files = ("data=parallel_text", "=source", "=target")
        corpus = [option for option in corpus if not option.endswith(files)]
    options = [*corpus, "training.validate_every=2", "search=greedy", *overrides, f"run_dir={folder / 'run'}"]
    path = train(compose(options))
    run = load_run(path, ["export.examples=2", *use])
    texts = run.translate(LINES)
    exported = export(run, folder / "1")
    module = tf.saved_model.load(str(folder / "1"))
    summary = json.loads((path / "summary.json").read_text(encoding="utf-8"))
    return Way(run, summary, texts, exported, module)
