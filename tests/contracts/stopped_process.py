"""A command in a fork of this process, which has imported all that it needs; before a line of this package that can be
chosen it sends a signal to itself."""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import seq2seq.cli.commands
from seq2seq import cli

SOURCES = str(Path(seq2seq.__file__).parent)

Regions = Mapping[str, tuple[Any, str]]
"""What functions do, and all that they call: by a name the owner of each and its attribute."""


class Lines:
    """Counts the lines of this package that are run within some regions, each without those inside it.

    Only there does Python trace lines, which makes it slow.

    Args:
        regions: all of them.
        counted: their names.
        act: called before each line with its region and its number there.
    """

    def __init__(
        self,
        regions: Regions,
        counted: Sequence[str] = (),
        act: Callable[[str, int], None] = lambda region, line: None,
    ) -> None:
        self.counts = dict.fromkeys(counted, 0)
        self._regions = regions
        self._act = act
        self._inside: list[str] = []  # the regions that are entered, the innermost last

    def watch(self) -> None:
        """From now on, in this process."""
        for region, (owner, name) in self._regions.items():
            function = inspect.unwrap(getattr(owner, name))
            if inspect.isgeneratorfunction(function):
                setattr(owner, name, self._watched_block(region, getattr(owner, name)))
            else:
                setattr(owner, name, self._watched(region, function))

    def _watched(self, region: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            outside = sys.gettrace()
            self._inside.append(region)
            sys.settrace(self._trace if region in self.counts else None)
            try:
                return function(*args, **kwargs)
            finally:
                sys.settrace(outside)
                self._inside.pop()

        return watched

    def _watched_block(self, region: str, block: Callable[..., Any]) -> Callable[..., Any]:
        """What is done when a `with` block is entered and left."""

        @contextmanager
        def watched(*args: Any, **kwargs: Any) -> Iterator[None]:
            opened = block(*args, **kwargs)
            self._watched(region, opened.__enter__)()
            try:
                yield
            finally:
                self._watched(region, opened.__exit__)(*sys.exc_info())

        return watched

    def _trace(self, frame: Any, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(SOURCES):
            return None
        if event == "line":
            region = self._inside[-1]
            self.counts[region] += 1
            self._act(region, self.counts[region])
        return self._trace


def fork(log: Path, action: Callable[[], None]) -> int:
    """Does something in a fork of this process, which must not have started TensorFlow's runtime; returns its id.

    What it says is appended to a file.
    """
    process = os.fork()
    if process:
        return process
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = 1
    try:
        action()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    os._exit(code)


def ended(process: int) -> int:
    """How a fork ended, once it has."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def start(arguments: Sequence[str], name: Path, lines: Lines) -> int:
    """Runs a command in a process of its own; returns how that ended.

    NAME.log takes what it says, and NAME.lines, if it came to its end, the counts of lines.
    """

    def command() -> None:
        lines.watch()
        try:
            cli.main(arguments)
        except SystemExit as end:
            if not end.code:
                Path(f"{name}.lines").write_text(json.dumps(lines.counts))
            raise

    return ended(fork(Path(f"{name}.log"), command))


def stopping(regions: Regions, region: str, line: int, number: signal.Signals, delay: float = 0.0) -> Lines:
    """Sends a signal to the own process before a line of a region, or `delay` seconds later."""

    def act(at: str, count: int) -> None:
        if (at, count) != (region, line):
            return
        if delay:
            threading.Timer(delay, os.kill, (os.getpid(), number)).start()
        else:
            signal.raise_signal(number)

    return Lines(regions, [region], act)
