"""A decoder without attention: it knows the source by its first state, and nothing in it waits for a gradient."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.errors import ConfigError
from tests.contracts.variants import VOCABULARY, build

SOURCES = tf.constant([[5, 6, 7, 8], [9, 10, 4, 11]])
TARGETS = tf.constant([[2, 5, 6, 7, 8], [2, 9, 9, 9, 9]])


@pytest.mark.parametrize("name", ["none", "none, no feeding"])
def test_the_source_is_known_by_the_first_state_alone(name: str) -> None:
    model = build(name)
    encoded = model.encode(SOURCES, tf.constant([4, 4]))
    another = encoded._replace(memory=encoded.memory + 1.0)
    logits, same = (model.logits(each, TARGETS) for each in (encoded, another))
    np.testing.assert_array_equal(logits, same)
    other = encoded._replace(states=tf.nest.map_structure(lambda x: x + 0.1, encoded.states))
    assert np.abs(model.logits(other, TARGETS) - logits).max() > 1e-3
    assert logits.shape == [2, 5, VOCABULARY]


@pytest.mark.parametrize("name", ["none", "none, no feeding"])
def test_every_variable_has_a_gradient(name: str) -> None:
    model = build(name)
    assert model.decoder.mechanism.trainable_variables == []
    assert model.decoder.attention_layer.kernel.shape[0] == model.decoder.cell.output_size
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(SOURCES, tf.constant([4, 3]), TARGETS) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(gradient is not None for gradient in gradients)
    assert all(np.any(tf.convert_to_tensor(gradient)) for gradient in gradients)


def test_it_says_that_it_looks_nowhere() -> None:
    assert not build("none").attends and build("luong").attends


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["search.name=beam", "search.coverage_penalty=0.1"], "search.coverage_penalty=0.1: is of attention"),
        (["model.bridge=zero"], "model.bridge=zero: with model.decoder.attention.kind=none"),
    ],
)
def test_what_needs_attention_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compose(["model.decoder.attention.kind=none", *overrides])
