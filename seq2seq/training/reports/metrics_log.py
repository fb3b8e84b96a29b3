"""metrics.jsonl: one line per report and per validation."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from seq2seq.files import to_json, write_atomically, writing
from seq2seq.training.reports.observer import Observer

logger = logging.getLogger(__name__)


class MetricsLog(Observer):
    """Appends records to a file of JSON lines.

    A run that goes on first drops the lines past its checkpoint, which it will write again, and a last line
    that was never finished. NaN and infinity, which JSON lacks, are written as null.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: TextIO | None = None

    def start(self, *, step: int, epoch: int, total_steps: int | None) -> None:
        kept = [record for record in read_metrics(self.path) if record["step"] <= step]
        if step and not kept and self.path.exists():
            logger.warning("%s holds no record of the first %d steps; it begins anew.", self.path, step)
        write_atomically(self.path, "".join(map(_line, kept)))
        with writing(self.path.name, self.path.parent):
            self._file = self.path.open("a", encoding="utf-8")

    def report(self, record: Mapping[str, Any]) -> None:
        self._append(record)

    def validation(self, record: Mapping[str, Any]) -> None:
        self._append(record)

    def sync(self) -> None:
        if self._file is not None:
            with writing(self.path.name, self.path.parent):
                os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            with writing(self.path.name, self.path.parent):
                file.close()

    def _append(self, record: Mapping[str, Any]) -> None:
        if self._file is None:
            raise ValueError("start() comes before the first record")
        with writing(self.path.name, self.path.parent):
            self._file.write(_line(record))
            self._file.flush()


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """The records of a metrics.jsonl in their order; none where the file is missing."""
    return list(_records(Path(path)))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue  # the process ended in the middle of this line
            if isinstance(record, dict) and type(record.get("step")) is int:
                yield record


def _line(record: Mapping[str, Any]) -> str:
    return to_json(record) + "\n"
