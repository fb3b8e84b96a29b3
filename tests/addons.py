"""TensorFlow Addons as an oracle, where it exists."""

from __future__ import annotations

import pytest

from seq2seq.layers.addons import tfa

needs_addons = pytest.mark.skipif(
    tfa is None, reason="its oracle, TensorFlow Addons, ended with TensorFlow 2.15 and is not here"
)

__all__ = ["needs_addons", "tfa"]
