"""Where the encoder's final states are all that is read, nothing is built or computed for a memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.config.saved import load, to_yaml
from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.tasks.classification.model import build_classification_model
from seq2seq.tasks.translation.model import build_translation_model
from tests.contracts.test_padding import batch_of, examples, teach
from tests.contracts.variants import VOCABULARY

SIZES = ["model.embedding.size=4", "model.encoder.units=3", "model.encoder.layer_norm=true"]
WITHOUT = ["model.decoder.attention.kind=none", "model.decoder.units=5", *SIZES]


def test_each_weight_of_a_translation_model_has_a_gradient() -> None:
    config = compose([*WITHOUT, "model.decoder.attention.layer_size=4"])
    sizes = {f"{side}_vocabulary_size": VOCABULARY for side in ("source", "target")}
    model = build_translation_model(config.model, config.masking, **sizes)
    assert not model.attends and not model.decoder.input_feeding
    for variable, gradient in zip(model.trainable_variables, teach(model, batch_of(examples())).gradients):
        assert np.any(gradient), variable.name


def test_each_weight_of_a_classifier_has_a_gradient() -> None:
    config = compose(["task=classification", "model.pooling=last", *SIZES])
    model = build_classification_model(config.model, config.masking, vocabulary_size=VOCABULARY, labels=3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.log_probs(tf.constant([[4, 5, 6]]), tf.constant([3]))[:, 0])
    for variable, gradient in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables)):
        assert gradient is not None, variable.name


def test_a_run_that_fed_it_back_stays_as_it_is(tmp_path: Path) -> None:
    config = compose(WITHOUT)
    assert not config.model.decoder.input_feeding
    config.model.decoder.input_feeding = True
    (tmp_path / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
    assert load(tmp_path).model.decoder.input_feeding


def test_weights_of_an_encoder_that_normalised_its_memory_are_read(tmp_path: Path) -> None:
    vectors, length = tf.random.stateless_normal([2, 4, 3], [1, 2]), tf.constant([4, 2])
    before, now = (
        RecurrentEncoder(layers=2, units=3, layer_norm=True, memory_is_read=is_read)
        for is_read in (True, False)
    )
    expected, _ = before(vectors, length).states, now(vectors, length)
    assert len(before.variables) == len(now.variables) + 2
    tf.train.Checkpoint(encoder=before).write(str(tmp_path / "weights"))
    status = tf.train.Checkpoint(encoder=now).read(str(tmp_path / "weights"))
    status.assert_existing_objects_matched().expect_partial()
    tf.nest.map_structure(np.testing.assert_array_equal, now(vectors, length).states, expected)
