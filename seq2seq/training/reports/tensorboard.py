"""The records of a run as TensorBoard scalars."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from seq2seq.files import writing
from seq2seq.training.reports.observer import Observer

_NOT_CURVES = {"step", "epoch", "time"}


class TensorBoard(Observer):
    """Writes `train/<name>` and `validation/<name>`, over steps; each start adds an event file to
    `directory`."""

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory)
        self._writer: tf.summary.SummaryWriter | None = None

    def start(self, *, step: int, epoch: int, total_steps: int | None) -> None:
        with writing("TensorBoard's events", self._directory):
            self._writer = tf.summary.create_file_writer(os.fsencode(self._directory))

    def report(self, record: Mapping[str, Any]) -> None:
        self._write("train", record)

    def validation(self, record: Mapping[str, Any]) -> None:
        self._write("validation", record)

    def close(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with writing("TensorBoard's events", self._directory):
                writer.close()

    def _write(self, group: str, record: Mapping[str, Any]) -> None:
        if self._writer is None:
            raise ValueError("start() comes before the first record")
        with (
            writing("TensorBoard's events", self._directory),
            self._writer.as_default(step=int(record["step"])),
        ):
            for name, value in record.items():
                if name in _NOT_CURVES or value is None:
                    continue
                tag = f"{group}/{name[4:] if name.startswith('val_') else name}"
                if isinstance(value, list):  # a value of each worker or device
                    for n, one in enumerate(value):
                        tf.summary.scalar(f"{tag}/{n}", one)
                else:
                    tf.summary.scalar(tag, value)
            self._writer.flush()
