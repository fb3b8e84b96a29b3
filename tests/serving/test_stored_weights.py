"""Weights as an export keeps them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.serving import stored_weights
from seq2seq.serving.stored_weights import StoredWeights
from tests.closeness import assert_close
from tests.contracts.variants import build


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> keras.Model:
    monkeypatch.setattr(stored_weights, "LARGE", 40)  # of a model for tests
    return build("two residual layers each, all tied")


def logits(model: keras.Model) -> np.ndarray:
    ids = tf.constant([[5, 6, 7], [8, 9, 0]])
    return model(ids, tf.constant([3, 2]), ids).numpy()


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ({"precision": "bfloat16"}, 0.6),
        ({"int8": True}, 0.5),
        ({"precision": "bfloat16", "int8": True}, 0.45),
    ],
    ids=["bfloat16", "int8", "both"],
)
def test_the_graph_computes_with_what_is_kept(model: keras.Model, options: dict, share: float) -> None:
    plain, whole = logits(model), StoredWeights(model)
    kept = StoredWeights(model, **options)
    assert whole.exact
    assert not kept.exact
    assert kept.size < share * whole.size

    @tf.function
    def run() -> tf.Tensor:
        with kept.in_use():
            return logits_of(model)

    def logits_of(model: keras.Model) -> tf.Tensor:
        ids = tf.constant([[5, 6, 7], [8, 9, 0]])
        return model(ids, tf.constant([3, 2]), ids)

    in_graph = run().numpy()
    np.testing.assert_array_equal(logits(model), plain)  # the layers have their variables back
    kept.round()
    assert_close(in_graph, logits(model))
    difference = np.abs(in_graph - plain).max() / np.abs(plain).max()
    assert 1e-5 < difference < 0.05


def test_eight_bits_are_within_half_a_step_of_each_output(model: keras.Model) -> None:
    before = [variable.numpy() for variable in model.variables]
    StoredWeights(model, int8=True).round()
    rounded = 0
    for variable, was in zip(model.variables, before):
        value = variable.numpy()
        if np.array_equal(value, was):
            continue
        rounded += 1
        axis = 1 if "table" in variable.name else 0
        step = np.abs(was).max(axis=axis, keepdims=True) / 127
        assert (np.abs(value - was) <= 0.5001 * step).all()
    assert rounded >= 5
