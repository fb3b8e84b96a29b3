"""Contracts 1 and 2 of classification: nothing of a text depends on its padding or its batch mates, under every policy
that masks; the whole model is what Keras makes of the same weights; static shapes and empty rows change nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.groups.masking import MaskingPolicy
from seq2seq.datasets.batches.pairs import Batch, Ragged, Shape, make_batch
from seq2seq.keras2 import keras
from seq2seq.tasks.classification.model import ClassificationModel
from seq2seq.tasks.classification.training import label_loss
from seq2seq.text.label_vocabulary import LabelVocabulary
from tests.closeness import assert_close, assert_gradients_close
from tests.contracts.variants import CLASSIFIERS, PAD, VOCABULARY, build_classifier

LABELS = LabelVocabulary(["a", "b", "c"])
TEXTS = [[5, 9, 11, 4, 7], [8], [10, 12, 6], [7, 7, 13, 21, 5, 16, 4]]
CASES = [
    *((name, MaskingPolicy.strict) for name in CLASSIFIERS),
    ("last", MaskingPolicy.cudnn),  # which is Keras' layer for plain cells, and else as strict
    ("mean of two layers, a hidden layer", MaskingPolicy.cudnn),
    ("max", MaskingPolicy.static),  # as strict, but for the shapes
    ("every option of the cell, last", MaskingPolicy.static),
]


def batch_of(texts: list[list[int]], labels: list[int], extra: int = 0, shape: Shape | None = None) -> Batch:
    """`extra` more columns, and tokens in all of the padding: whoever looks at it gives itself away."""
    batch = make_batch(
        np.arange(len(texts)),
        Ragged.of(texts),
        Ragged.of([[label] for label in labels]),
        source_pad_id=PAD,
        target_tokenizer=LABELS,
        shape=shape,
    )
    ids = np.pad(batch.source_ids, [(0, 0), (0, extra)])
    ids = np.where(np.arange(ids.shape[1]) < batch.source_length[:, None], ids, 5).astype(np.int32)
    return Batch(*map(tf.constant, batch._replace(source_ids=ids)))


class Taught(NamedTuple):
    log_probs: np.ndarray
    loss: float
    tokens: float
    gradients: list[np.ndarray]


def teach(model: ClassificationModel, batch: Batch) -> Taught:
    with tf.GradientTape() as tape:
        loss = label_loss(model, batch, training=True, label_smoothing=0.1)  # no variant has dropout
    gradients = tape.gradient(loss.total, model.trainable_variables, unconnected_gradients="zero")
    log_probs = model.log_probs(batch.source_ids, batch.source_length).numpy()
    dense = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
    return Taught(log_probs, float(loss.total), float(loss.tokens), dense)


@pytest.mark.parametrize(("name", "policy"), CASES)
def test_whatever_pads_a_text_and_shares_its_batch(name: str, policy: MaskingPolicy) -> None:
    model, labels = build_classifier(name, policy, gpu=True), [0, 2, 1, 2]
    alone = [teach(model, batch_of([text], [label])) for text, label in zip(TEXTS, labels)]
    order = [2, 0, 3, 1]
    shape = Shape(source=12, target=2, rows=7)
    for extra, fixed in ((4, None), (0, shape)):
        batch = batch_of([TEXTS[n] for n in order], [labels[n] for n in order], extra, fixed)
        mixed = teach(model, batch)
        for row, n in enumerate(order):
            assert_close(mixed.log_probs[row], alone[n].log_probs[0])
        assert mixed.tokens == len(TEXTS)
        assert_close(mixed.loss, sum(one.loss for one in alone))
        assert_gradients_close(
            mixed.gradients, [sum(each) for each in zip(*(one.gradients for one in alone))]
        )


def test_without_masking_padding_changes_results() -> None:
    """The contract can fail: `masking=none` breaks it."""
    model = build_classifier("max", MaskingPolicy.none)
    plain, padded = (teach(model, batch_of(TEXTS, [0, 2, 1, 2], extra)) for extra in (0, 4))
    assert np.max(np.abs(plain.log_probs - padded.log_probs)) > 1e-3


def test_keras_gives_the_same() -> None:
    """An independent model of Keras' own layers, with the weights of ours."""
    model = build_classifier("max")
    (forward, backward), table = model.encoder.stack[0], model.embedding.table.numpy()
    mask = np.arange(7) < np.array([len(text) for text in TEXTS])[:, np.newaxis]
    ids = np.zeros([4, 7], np.int32)
    ids[mask] = [token for text in TEXTS for token in text]
    outputs = []
    for lstm, reverse in ((forward, False), (backward, True)):
        twin = keras.layers.LSTM(4, return_sequences=True, go_backwards=reverse)
        twin.build((None, None, 6))
        weights = lstm.cell.kernel, lstm.cell.recurrent_kernel, lstm.cell.bias
        twin.set_weights([weight.numpy() for weight in weights])
        read = twin(tf.constant(table[ids] * model.embedding.factor), mask=tf.constant(mask)).numpy()
        outputs.append(read[:, ::-1] if reverse else read)
    both = np.where(mask[..., np.newaxis], np.concatenate(outputs, axis=-1), -np.inf).max(axis=1)
    projection = model.output_projection
    logits = both @ projection.table.numpy().T + projection.bias.numpy()
    batch = batch_of(TEXTS, [0, 2, 1, 2])
    assert_close(model(batch.source_ids, batch.source_length), logits)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    chosen = -log_probs[np.arange(4), [0, 2, 1, 2]]
    loss = label_loss(model, batch, training=False, label_smoothing=0.1)
    assert_close(float(loss.cross_entropy), chosen.sum())
    assert_close(float(loss.total), (0.9 * chosen - 0.1 * log_probs.mean(axis=1)).sum())


def test_the_vocabulary_is_that_of_the_variants() -> None:
    assert max(max(text) for text in TEXTS) < VOCABULARY
