"""What TensorFlow's C++ side says of itself while it is imported."""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_SAID = (b"WARNING: All log messages before absl::InitializeLog()", b"I0000 ")


def hide_banner() -> None:
    """Lets the first import of TensorFlow greet nobody, and log no error for each GPU library that it lacks; what is
    fatal still shows.

    Up to 2.15 an environment variable does that; later ones log before they look at it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Quietly())


class _Quietly(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as the others do, once."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def quietly(module: ModuleType) -> None:
                with _without_what_is_said():
                    execute(module)

            spec.loader.exec_module = quietly  # type: ignore[method-assign]
        return spec


@contextmanager
def _without_what_is_said() -> Iterator[None]:
    """Within the block standard error is kept back, C++'s too; at its end all of it is written but those lines."""
    try:
        standard_error = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
            kept.seek(0)
            with suppress(OSError):  # errors that cannot be written are lost
                os.write(2, b"".join(line for line in kept if not line.startswith(_SAID)))
