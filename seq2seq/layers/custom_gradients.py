"""Gradients of our own, and graphs that do without because nobody trains them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Callable

import tensorflow as tf

_FORWARD_ONLY: ContextVar[bool] = ContextVar("forward_only", default=False)


def custom_gradient(function: Callable[..., tuple[Any, Callable[..., Any]]]) -> Callable[..., Any]:
    """``tf.custom_gradient``, but for graphs that are traced within ``forward_only``."""
    with_gradient = tf.custom_gradient(function)

    @functools.wraps(function)
    def call(*inputs: tf.Tensor | tf.Variable) -> Any:
        # Of a variable with a copy for each replica, the one that is here.
        tensors = [tf.convert_to_tensor(each) for each in inputs]
        return function(*tensors)[0] if inference_only() else with_gradient(*tensors)

    return call


def inference_only() -> bool:
    """Whether the graph that is traced is one of ``forward_only``, which need keep nothing for a gradient."""
    return _FORWARD_ONLY.get()


@contextmanager
def forward_only() -> Iterator[None]:
    """Graphs that are traced within hold values alone.

    A SavedModel keeps no more of a custom gradient than its name, and warns whoever loads it.
    """
    token = _FORWARD_ONLY.set(True)
    try:
        yield
    finally:
        _FORWARD_ONLY.reset(token)
