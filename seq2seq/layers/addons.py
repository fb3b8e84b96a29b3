"""TensorFlow Addons, told not to use its custom ops: none may reach a graph that a stock server loads."""

from __future__ import annotations

import os

os.environ.setdefault("TF_ADDONS_PY_OPS", "1")

import tensorflow_addons as tfa

__all__ = ["tfa"]
