"""A trace of some steps, for TensorBoard's profiler."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from seq2seq.files import make_folder
from seq2seq.training.reports.observer import Observer


class Profiler(Observer):
    """Traces steps, of Python, the graph and the devices.

    Args:
        directory: where TensorBoard looks.
        first, last: the steps that are traced, from 1, both included.
    """

    def __init__(self, directory: Path, first: int, last: int) -> None:
        self._directory = directory
        self._first = first
        self._last = last
        self._running = False

    def before_step(self, step: int) -> None:
        if self._running and step > self._last:
            self.close()
        elif not self._running and self._first <= step <= self._last:
            tf.profiler.experimental.start(str(make_folder(self._directory)))
            self._running = True

    def close(self) -> None:
        """Writes what was traced, if that is still to be done."""
        if self._running:
            tf.profiler.experimental.stop()
            self._running = False
