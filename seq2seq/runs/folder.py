"""The run's own folder: everything a run reads again or leaves behind has its place here."""

from __future__ import annotations

import fcntl
import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seq2seq.errors import UserError
from seq2seq.files import make_folder, write_atomically, write_json, writing


class RunFolder:
    """Names the places of a run folder; making an instance touches nothing on disk.

    config.yaml, tokenizer/, checkpoints/, metrics.jsonl, summary.json, tensorboard/, plots/ and predictions/.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.tokenizer = self.path / "tokenizer"
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.jsonl"
        self.summary = self.path / "summary.json"
        self.tensorboard = self.path / "tensorboard"
        self.plots = self.path / "plots"
        self.predictions = self.path / "predictions"

    @classmethod
    def create(cls, path: str | Path | None = None, *, task: str, parent: str | Path = "runs") -> RunFolder:
        """The folder `path`, made where it is missing; without it a new `parent/<task>-<date>-<time>-<n>`.

        Raises:
            UserError: if the folder cannot be made or written.
        """
        if path is None:
            path = _new_folder(Path(parent), f"{task}-{time.strftime('%Y%m%d-%H%M%S')}")
        run = cls(path)
        for folder in (run.path, run.tokenizer, run.checkpoints, run.plots, run.predictions):
            make_folder(folder)
        return run

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """The folder of a run that exists; writes nothing, so it may be read-only.

        Raises:
            UserError: if `path` holds no run.
        """
        run = cls(path)
        if not run.path.is_dir():
            raise UserError(f"The run folder {run.path} does not exist.")
        if not run.config.is_file():
            raise UserError(f"The folder {run.path} holds no run: config.yaml is missing from it.")
        return run

    @property
    def has_config(self) -> bool:
        return self.config.is_file()

    def write_config(self, text: str) -> None:
        """Writes config.yaml once; one that is there already stays as it is."""
        if not self.has_config:
            write_atomically(self.config, text)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        write_json(self.summary, dict(summary))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second process from training in this folder; the system frees the lock when a process dies.

        Raises:
            UserError: if another process holds the lock, or the folder cannot be written.
        """
        path = self.path / ".lock"
        with writing("The run's lock", path):
            file = path.open("a", encoding="utf-8")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"Another process is training in {self.path}; wait for it, or give another run_dir."
                ) from None
            yield


def _new_folder(parent: Path, name: str) -> Path:
    make_folder(parent)
    paths = (parent / f"{name}-{number}" for number in itertools.count(1))
    path = next(path for path in paths if not path.exists())
    with writing("The run folder", path):
        path.mkdir()
    return path
