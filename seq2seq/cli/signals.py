"""Ctrl-C and SIGTERM while a command imports, prepares, works or ends; the training loop has its own way
(seq2seq/training/interruption.py)."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from types import FrameType
from typing import NoReturn, Optional

from seq2seq.errors import PreemptedError

TRY_AGAIN, INTERRUPTED, TERMINATED = 75, 130, 143


class ExitOnSignal:
    """From now on SIGINT and SIGTERM raise KeyboardInterrupt, so that nothing half written is left.

    A second signal ends the process at once, as does any while modules are imported, when there is nothing to tidy up.

    Args:
        training: whether SIGTERM raises PreemptedError, so that the process exits with code 75: start it again.
    """

    def __init__(self, *, training: bool) -> None:
        self.code: Optional[int] = None
        """What the process is to exit with; None until there was a signal."""
        self._exiting = False
        self._codes = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TRY_AGAIN if training else TERMINATED}
        if threading.current_thread() is threading.main_thread():
            for number in self._codes:
                signal.signal(number, self._handle)

    def command_ended(self) -> None:
        """What Python does at its exit is not to be broken off with a traceback."""
        atexit.register(setattr, self, "_exiting", True)

    def _handle(self, number: int, frame: Optional[FrameType]) -> None:
        code = self._codes[signal.Signals(number)]
        if self.code is not None or self._exiting:
            os._exit(code)
        self.code = code
        if _is_importing(frame):
            _exit_at_once(code)
        if code == TRY_AGAIN:
            raise PreemptedError
        raise KeyboardInterrupt("" if code == INTERRUPTED else "Terminated.")


def _exit_at_once(code: int) -> NoReturn:
    os.write(2, b"Interrupted before anything was done.\n")
    os._exit(code)


def _is_importing(frame: Optional[FrameType]) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
