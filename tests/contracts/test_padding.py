"""Contract 1: with `masking=strict` nothing of an example depends on its padding or its batch mates."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.schema import MaskingPolicy
from seq2seq.datasets.batch import Batch, Ragged, make_batch
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.search import SpecialIds, beam_search
from seq2seq.tasks.translation import translation_loss
from tests.contracts.variants import END, PAD, START, VARIANTS, VOCABULARY, build

LENGTHS = [(5, 3), (1, 1), (3, 6), (7, 2)]


class Ids(NamedTuple):
    pad_id: int = PAD
    start_id: int = START
    end_id: int = END


def examples() -> list[tuple[list[int], list[int]]]:
    rng = np.random.default_rng(3)
    return [tuple(rng.integers(4, VOCABULARY, n).tolist() for n in pair) for pair in LENGTHS]  # type: ignore[misc]


def batch_of(pairs: list[tuple[list[int], list[int]]], extra: int = 0) -> Batch:
    """`extra` more columns of padding, filled with tokens: whoever looks at padding gives itself away."""
    batch = make_batch(
        np.arange(len(pairs)),
        Ragged.of([source for source, _ in pairs]),
        Ragged.of([target for _, target in pairs]),
        source_pad_id=PAD,
        target_tokenizer=Ids(),  # type: ignore[arg-type]
    )

    def widened(ids: np.ndarray, lengths: np.ndarray) -> tf.Tensor:
        ids = np.pad(ids, [(0, 0), (0, extra)])
        return tf.constant(np.where(np.arange(ids.shape[1]) < lengths[:, None], ids, 5))

    return Batch(
        tf.constant(batch.example_ids),
        widened(batch.source_ids, batch.source_length),
        tf.constant(batch.source_length),
        widened(batch.target_inputs, batch.target_length),
        widened(batch.target_outputs, batch.target_length),
        tf.constant(batch.target_length),
    )


def run(model: EncoderDecoder, batch: Batch) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
    """What each example gives, and the gradient of the summed loss."""
    with tf.GradientTape() as tape:
        loss = translation_loss(model, batch, training=True, label_smoothing=0.1)  # no variant has dropout
    gradients = tape.gradient(loss.total, model.trainable_variables, unconnected_gradients="zero")
    encoded = model.encode(batch.source_ids, batch.source_length)
    decoded = model.decode(encoded, batch.target_inputs)
    state, memory = model.start(encoded)
    found = beam_search(
        model.step,
        state=state,
        memory=memory,
        special_ids=SpecialIds(START, END, PAD),
        max_length=batch.source_length + 4,
        beam_width=3,
        return_alignments=True,
    )
    results = []
    for b, (s, t) in enumerate(zip(batch.source_length.numpy(), batch.target_length.numpy())):
        hypotheses = [(found.ids[b, k, : found.lengths[b, k]].numpy().tolist()) for k in range(3)]
        results.append(
            {
                "memory": encoded.memory[b, :s],
                "past the length": encoded.memory[b, s:] if model.masking == "strict" else tf.zeros([0, 0]),
                "states": tf.concat([part[b] for layer in encoded.states for part in layer], 0),
                "features": decoded.features[b, :t],
                "alignments": decoded.alignments[b, :t, :s],
                "scores": found.scores[b],
                "search alignments": found.alignments[b, 0, : found.lengths[b, 0], :s],
                "hypotheses": hypotheses,
            }
        )
    return results, [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


def assert_same(ours: dict[str, Any], other: dict[str, Any]) -> None:
    for name, value in ours.items():
        if name == "hypotheses":
            assert value == other[name]
        elif name == "past the length":
            assert not np.any(value) and not np.any(other[name])
        else:
            np.testing.assert_allclose(value, other[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", VARIANTS)
def test_an_example_is_alone_in_the_world(name: str) -> None:
    model, pairs = build(name), examples()
    together, gradients = run(model, batch_of(pairs))
    padded, padded_gradients = run(model, batch_of(pairs, extra=4))
    order = [2, 0, 3, 1]
    permuted, permuted_gradients = run(model, batch_of([pairs[i] for i in order]))
    alone = [run(model, batch_of([pair])) for pair in pairs]
    for b, example in enumerate(together):
        assert_same(example, padded[b])
        assert_same(example, permuted[order.index(b)])
        assert_same(example, alone[b][0][0])
    summed = [np.sum(parts, axis=0) for parts in zip(*(gradients for _, gradients in alone))]
    for other in (padded_gradients, permuted_gradients, summed):
        for ours, theirs in zip(gradients, other):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6)


def test_without_masking_padding_changes_results() -> None:
    """The contract can fail: `masking=none` breaks it."""
    model, pairs = build("luong", MaskingPolicy.none), examples()
    together, _ = run(model, batch_of(pairs))
    padded, _ = run(model, batch_of(pairs, extra=4))
    assert any(
        np.max(np.abs(ours["features"] - theirs["features"])) > 1e-3 for ours, theirs in zip(together, padded)
    )
