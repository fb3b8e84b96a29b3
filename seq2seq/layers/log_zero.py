"""What stands for ``log 0``: finite numbers, so that no difference of two is NaN."""

from __future__ import annotations

import tensorflow as tf

LOG_ZERO = -1e30
"""In the float64 sums of CTC's forward and backward passes."""

MIN_SCORE = float(tf.float32.min)
"""The score of a hypothesis that cannot be, in float32: unchanged by whatever is added to it."""

BANNED_LOGIT = -1e6
"""Of a label that may not be chosen in a frame: far below the score of any text."""

MIN_PROBABILITY = 1e-300
"""Probabilities below are taken as this one where their logarithm is needed, in float64."""
