"""The run's own folder: everything a run reads again or leaves behind has its place here."""

from __future__ import annotations

import itertools
import json
import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from seq2seq.config.run_file import CONFIG, SEARCH
from seq2seq.errors import UserError, WorkerLostError
from seq2seq.files import (
    LockedError,
    lock,
    make_folder,
    missing_folders,
    remove_empty,
    write_atomically,
    write_json,
    writing,
)

logger = logging.getLogger(__name__)


class RunFolder:
    """Names the places of a run folder; making an instance touches nothing on disk.

    config.yaml, search.yaml, tokenizer/, checkpoints/, metrics.jsonl, summary.json, tensorboard/, plots/ and
    predictions/.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / CONFIG
        self.search = self.path / SEARCH
        self.tokenizer = self.path / "tokenizer"
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.jsonl"
        self.summary = self.path / "summary.json"
        self.tensorboard = self.path / "tensorboard"
        self.plots = self.path / "plots"
        self.predictions = self.path / "predictions"
        self._summary: dict[str, Any] | None = None

    @classmethod
    def create(cls, path: str | Path | None = None, *, task: str, parent: str | Path = "runs") -> RunFolder:
        """The folder `path`, made where it is missing; without it a new `parent/<task>-<date>-<time>-<n>`.

        Raises:
            UserError: if the folder cannot be made or written.
        """
        if path is None:
            path = _new_folder(Path(parent), f"{task}-{time.strftime('%Y%m%d-%H%M%S')}")
        run = cls(path)
        make_folder(run.path)
        return run

    @classmethod
    @contextmanager
    def start(
        cls, path: str | Path | None = None, *, task: str, parent: str | Path = "runs"
    ) -> Iterator[RunFolder]:
        """The folder for training to begin or to go on in, locked.

        A start that fails before anything is learnt leaves nothing that was not there before. What was prepared stays
        where the same command would go on with it: a folder that was named, after an interruption.

        Raises:
            UserError: as `create` and `locked`; or parts of the run that is there are missing.
        """
        missing = missing_folders(Path(parent if path is None else path))
        before = set() if path is None or missing else set(Path(path).iterdir())
        if path is not None:
            cls(path)._refuse_incomplete()
        run = cls.create(path, task=task, parent=parent)
        with run.locked():
            is_new = not run.has_config
            try:
                yield run
            except BaseException as error:
                may_go_on = path is not None and isinstance(error, (KeyboardInterrupt, WorkerLostError))
                if is_new and not may_go_on and not run._has_learnt():
                    run._remove_all_but(before)
                    remove_empty([run.path, *missing] if path is None else missing)
                raise

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

    def write_search(self, values: Mapping[str, Any], about: str) -> None:
        """Writes search.yaml, how the run is searched when it is used; config.yaml says how it was trained.

        Args:
            values: by the keys of `search`, what is otherwise than in config.yaml.
            about: a line of comment.
        """
        text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
        write_atomically(self.search, f"# {about}\n{text}")

    def read_summary(self) -> dict[str, Any]:
        """What the run wrote when it ended; nothing where it has not ended, or has gone on since.

        A file that cannot be read is nothing too, with a warning.
        """
        if self._summary is None:
            self._summary = self._read_summary() if self.summary.exists() else {}
        return self._summary

    def _read_summary(self) -> dict[str, Any]:
        try:
            summary = json.loads(self.summary.read_text(encoding="utf-8"))
            steps = int(summary["steps"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            logger.warning("%s is damaged (%s) and not looked at.", self.summary, error)
            return {}
        newest = max(self._steps(), default=0)
        if newest > steps:
            logger.info(
                "%s is of step %d; the run has gone on to step %d since.", self.summary, steps, newest
            )
            return {}
        return summary

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        write_json(self.summary, dict(summary))
        self._summary = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second process from training in this folder; the system frees the lock when a process dies.

        Raises:
            UserError: if another process holds the lock, or the folder cannot be written.
        """
        with ExitStack() as stack:
            try:
                with writing("The run's lock", self.path):
                    stack.enter_context(lock(self.path / ".lock"))
            except LockedError:
                raise UserError(
                    f"Another process is training in {self.path}; wait for it, or give another run_dir."
                ) from None
            yield

    def _refuse_incomplete(self) -> None:
        parts = [self.checkpoints, self.metrics, self.summary]
        remedy = "put it back, or give another run_dir"
        if not self.has_config:
            left = [part.name for part in parts if _holds_something(part)]
            if left:
                raise UserError(
                    f"{self.path} holds {', '.join(left)} of a run, but config.yaml is missing from it; {remedy}."
                )
        elif self._steps() and not _holds_something(self.tokenizer):
            raise UserError(f"The tokenizer of the run {self.path} is missing ({self.tokenizer}); {remedy}.")
        elif _holds_something(self.summary) and not self._steps():
            raise UserError(
                f"{self.path} holds a run that has ended, but its checkpoints are missing ({self.checkpoints});"
                f" {remedy}."
            )

    def _steps(self) -> list[int]:
        """Of the checkpoints that training has written, whole or not."""
        names = [path.name.partition("-")[2] for path in self.checkpoints.glob("step-*")]
        return [int(name) for name in names if name.isdecimal()]

    def _has_learnt(self) -> bool:
        return bool(self._steps()) or _holds_something(self.metrics)

    def _remove_all_but(self, kept: set[Path]) -> None:
        for path in set(self.path.iterdir()) - kept:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _holds_something(path: Path) -> bool:
    return (
        next(path.iterdir(), None) is not None
        if path.is_dir()
        else path.is_file() and path.stat().st_size > 0
    )


def _new_folder(parent: Path, name: str) -> Path:
    make_folder(parent)
    paths = (parent / f"{name}-{number}" for number in itertools.count(1))
    path = next(path for path in paths if not path.exists())
    with writing("The run folder", path):
        path.mkdir()
    return path
