"""Train, evaluate and serve LSTM sequence-to-sequence models for translation and speech.

`compose`, `train` and `load` are what a program needs to begin with; importing this package is quick, and TensorFlow is
imported with the first of them that needs it.
"""

import importlib
from typing import Any

from seq2seq.banner import hide_banner

__version__ = "0.1.0"
__all__ = ["__version__", "compose", "load", "train"]

hide_banner()

_PLACES = {
    "compose": ("seq2seq.config.compose", "compose"),
    "train": ("seq2seq.runs.train", "train"),
    "load": ("seq2seq.runs.use", "load_run"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
