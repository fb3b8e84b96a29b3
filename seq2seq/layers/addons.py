"""TensorFlow Addons, told not to use its custom ops: none may reach a graph that a stock server loads."""

from __future__ import annotations

import os
import warnings

os.environ.setdefault("TF_ADDONS_PY_OPS", "1")

with warnings.catch_warnings():  # its end of life is known, see pyproject.toml
    warnings.filterwarnings("ignore", message=r"\s*TensorFlow Addons")
    import tensorflow_addons as tfa

__all__ = ["tfa"]
