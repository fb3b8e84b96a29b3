"""Ctrl-C that waits for a good moment."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption(AbstractContextManager["Interruption"]):
    """While entered, the first SIGINT or SIGTERM sets `requested`; a second one sets `abrupt` and raises
    KeyboardInterrupt.

    Outside the main thread, where Python allows no signal handlers, it does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self.abrupt = False
        self.by_system = False  # by SIGTERM
        self._at_once = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside the block, which can be broken off anywhere, the first signal raises KeyboardInterrupt
        too."""
        self._at_once = True
        try:
            if self.requested:
                raise KeyboardInterrupt
            yield
        finally:
            self._at_once = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.abrupt = self.requested
        self.requested = True
        self.by_system |= number == signal.SIGTERM
        if self.abrupt or self._at_once:
            raise KeyboardInterrupt
        logger.warning("Stopping after this step; once more stops at once, without a checkpoint.")
