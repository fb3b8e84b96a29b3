"""SIGINT (Ctrl-C) and SIGTERM that wait for a good moment."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
        self._previous = _replace_handlers(self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        _restore_handlers(self._previous)
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


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Inside the block, which must not be broken off half way, SIGINT and SIGTERM wait for its end.

    Outside the main thread, which signals never interrupt, it does nothing.
    """
    received: list[tuple[int, FrameType | None]] = []
    previous = _replace_handlers(lambda number, frame: received.append((number, frame)))
    try:
        yield
    finally:
        _restore_handlers(previous)
        for number, _ in received:
            signal.raise_signal(number)


@contextmanager
def explained_stop(sentence: str) -> Iterator[None]:
    """Inside the block a KeyboardInterrupt that says nothing of itself says `sentence`."""
    try:
        yield
    except KeyboardInterrupt as stop:
        stop.args = stop.args or (sentence,)
        raise


def _replace_handlers(handle: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Returns the handlers before; none outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handle) for number in SIGNALS}


def _restore_handlers(previous: dict[int, Any]) -> None:
    for number, handler in previous.items():
        if handler is not None:  # None: installed by something else than Python
            signal.signal(number, handler)
