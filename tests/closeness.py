"""How close two ways of computing the same array in float32 must come: one tolerance, of the array's scale.

Derivation. An operation of float32 rounds by at most u = 2^-24 of its result. A sum of n products, added in whatever
order the processor's kernels choose, errs by at most n u times the sum of the products' magnitudes, and by about
sqrt(n) u times their size, because single errors have either sign (Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., sections 2.8 and 3.1). Both bounds are of the *terms*: where these cancel, the sum is smaller than
they are, and its error is not. So an element's error says nothing relative to that element; it is of the size of what
was added up, for which the largest element of the array stands.

A recurrence hands its errors on. An LSTM's forget gate is below 1, so that they add up and do not grow: k operations
one behind the other (steps × layers, there and back for a gradient) err by sqrt(k) times as much as one. Two
computations err independently, hence

    tolerance = 2 sqrt(n k) u × scale

The models of the tests have products of at most 64 terms, and chains of about 64 (7 steps, up to 5 layers, there and
back): 2 · 64 · 2^-24 = 2^-17 = 7.6e-6, which is within the 1e-5 that the contracts promise.

Gradients by all weights come from the same errors, handed back. A weight that is one number (the scale of normalised
Bahdanau attention), or that makes no difference in theory (a bias in front of a softmax), sums them up until they
cancel: the gradient is small or zero, and its terms are of the size of the other gradients. So they have one scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.layers.log_zero import LOG_ZERO

UNIT_ROUNDOFF = 2.0**-24


def relative_tolerance(terms: int = 64, steps: int = 64) -> float:
    """Of sums of so many products, so many one behind the other; a fraction of the scale."""
    return float(2.0 * np.sqrt(terms * steps) * UNIT_ROUNDOFF)


RELATIVE = relative_tolerance()


def scale_of(nest: Any) -> float:
    """The largest magnitude in it, of those that are numbers and not the logarithm of zero (which must be equal)."""
    largest = 0.0
    for array in map(np.asarray, tf.nest.flatten(nest)):
        magnitudes = np.abs(array[array > LOG_ZERO].astype(np.float64))
        largest = max(largest, float(np.max(magnitudes, initial=0.0, where=np.isfinite(magnitudes))))
    return largest


def assert_close(
    actual: Any,
    expected: Any,
    *,
    terms: int = 64,
    steps: int = 64,
    scale: float | None = None,
    name: str = "",
) -> None:
    """Fails where the array ``actual`` is further from ``expected`` than rounding in float32 explains.

    Args:
      expected: of the same shape, or one number for all elements. What is not floating must be equal.
      terms, steps: of the longest sum of products, and how many of them follow one another, where there are more.
      scale: of what was added up, where that is known to be larger than all that came out: a sum that is zero in
        theory (the gradient by a bias in front of a softmax) is nothing but rounding.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert expected.ndim == 0 or actual.shape == expected.shape, (name, actual.shape, expected.shape)
    if not np.issubdtype(expected.dtype, np.floating):
        np.testing.assert_array_equal(actual, expected, err_msg=name)
        return
    tolerance = relative_tolerance(terms, steps) * (scale_of(expected) if scale is None else scale)
    np.testing.assert_allclose(actual, expected, rtol=0.0, atol=tolerance, err_msg=name)


def assert_all_close(actual: Any, expected: Any, *, name: str = "", **options: Any) -> None:
    """`assert_close` for each array of two nests (lists, tuples, dictionaries) of the same structure."""
    tf.nest.assert_same_structure(actual, expected, check_types=False)
    for k, (one, other) in enumerate(zip(tf.nest.flatten(actual), tf.nest.flatten(expected))):
        assert_close(one, other, name=f"{name}[{k}]", **options)


def assert_gradients_close(actual: Any, expected: Any, *, name: str = "", **options: Any) -> None:
    """`assert_all_close` of the gradients of one loss, whose scale is that of the largest."""
    assert_all_close(actual, expected, name=name, scale=scale_of(expected), **options)
