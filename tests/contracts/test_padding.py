"""Contract 1: with `masking=strict|cudnn|static` nothing of an example depends on its padding or its batch mates."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from seq2seq.config.groups.attention import ATTENTIONS
from seq2seq.config.groups.masking import MaskingPolicy
from seq2seq.datasets.batches.pairs import Batch, Ragged, make_batch
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.search import SpecialIds, beam_search
from seq2seq.tasks.statistics import attention_sums
from seq2seq.tasks.translation.training import translation_loss
from tests.closeness import assert_close, assert_gradients_close
from tests.contracts.variants import END, PAD, START, VARIANTS, VOCABULARY, build

LENGTHS = [(5, 3), (1, 1), (3, 6), (7, 2)]
Pair = tuple[list[int], list[int]]


class Ids(NamedTuple):
    pad_id: int = PAD
    start_id: int = START
    end_id: int = END


def examples() -> list[Pair]:
    rng = np.random.default_rng(3)
    return [tuple(rng.integers(4, VOCABULARY, n).tolist() for n in pair) for pair in LENGTHS]  # type: ignore[misc]


def batch_of(pairs: list[Pair], extra: int = 0, filler: int = 5) -> Batch:
    """`extra` more columns of padding, and tokens in all of it: whoever looks at padding gives itself away."""
    batch = make_batch(
        np.arange(len(pairs)),
        Ragged.of([source for source, _ in pairs]),
        Ragged.of([target for _, target in pairs]),
        source_pad_id=PAD,
        target_tokenizer=Ids(),  # type: ignore[arg-type]
    )

    def widened(ids: np.ndarray, lengths: np.ndarray) -> tf.Tensor:
        ids = np.pad(ids, [(0, 0), (0, extra)])
        return tf.constant(np.where(np.arange(ids.shape[1]) < lengths[:, None], ids, filler))

    return Batch(
        tf.constant(batch.example_ids),
        widened(batch.source_ids, batch.source_length),
        tf.constant(batch.source_length),
        widened(batch.target_inputs, batch.target_length),
        widened(batch.target_outputs, batch.target_length),
        tf.constant(batch.target_length),
    )


class Taught(NamedTuple):
    """What each example gives, the loss of all, and its gradients."""

    examples: list[dict[str, Any]]
    loss: float
    gradients: list[np.ndarray]


def teach(model: EncoderDecoder, batch: Batch) -> Taught:
    with tf.GradientTape() as tape:
        loss = translation_loss(model, batch, training=True, label_smoothing=0.1)  # no variant has dropout
    gradients = tape.gradient(loss.total, model.trainable_variables, unconnected_gradients="zero")
    encoded = model.encode(batch.source_ids, batch.source_length)
    decoded = model.decode(encoded, batch.target_inputs)
    results = [
        {
            "memory": encoded.memory[b, :s],
            "past the length": encoded.memory[b, s:] if model.masking != "none" else tf.zeros([0, 0]),
            "states": tf.concat([part[b] for layer in encoded.states for part in layer], 0),
            "features": decoded.features[b, :t],
            "alignments": decoded.alignments[b, :t, :s],
        }
        for b, (s, t) in enumerate(zip(batch.source_length.numpy(), batch.target_length.numpy()))
    ]
    return Taught(
        results, float(loss.total), [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
    )


def search(model: EncoderDecoder, batch: Batch) -> list[dict[str, Any]]:
    """What each example's search finds."""
    state, memory = model.start(model.encode(batch.source_ids, batch.source_length))
    found = beam_search(
        model.step,
        state=state,
        memory=memory,
        special_ids=SpecialIds(START, END, PAD),
        max_length=batch.source_length + 2,
        beam_width=3,
        return_alignments=True,
    )
    return [
        {
            "scores": found.scores[b],
            "search alignments": found.alignments[b, 0, : found.lengths[b, 0], :s],
            "hypotheses": [(found.ids[b, k, : found.lengths[b, k]].numpy().tolist()) for k in range(3)],
        }
        for b, s in enumerate(batch.source_length.numpy())
    ]


def assert_same(ours: dict[str, Any], other: dict[str, Any]) -> None:
    for name, value in ours.items():
        if name == "hypotheses":
            assert value == other[name]
        elif name == "past the length":
            assert not np.any(value) and not np.any(other[name])
        else:
            assert_close(value, other[name], name=name)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if ", no feeding" in name else []) for name in VARIANTS],
)
def test_what_a_search_finds_for_an_example(name: str) -> None:
    model, pairs = build(name), examples()
    together = search(model, batch_of(pairs))
    order = [2, 0, 3, 1]
    permuted = search(model, batch_of([pairs[i] for i in order], extra=4))
    for b, example in enumerate(together):
        assert_same(example, permuted[order.index(b)])
    for b in (1, 2):  # the shortest, and the one that is searched for longest for its length
        assert_same(together[b], search(model, batch_of([pairs[b]]))[0])


class Draw(NamedTuple):
    """Examples, their mates, the order in which both share a batch, and its padding."""

    pairs: list[Pair]
    mates: list[Pair]
    order: list[int]
    extra: int
    filler: int


@st.composite
def draws(draw: st.DrawFn) -> Draw:
    token = st.integers(4, VOCABULARY - 1)
    sentence = st.lists(token, min_size=1, max_size=4)
    pairs = draw(st.lists(st.tuples(sentence, sentence), min_size=2, max_size=3))
    mates = draw(st.lists(st.tuples(sentence, sentence), min_size=1, max_size=2))
    order = draw(st.permutations(range(len(pairs) + len(mates))))
    return Draw(pairs, mates, order, draw(st.integers(0, 2)), draw(token))


OTHER_POLICIES = ["luong", "two residual layers each, all tied", "every option of the cell, copied state"]
MODELS = [(name, MaskingPolicy.strict) for name in VARIANTS] + [
    (name, policy) for name in OTHER_POLICIES for policy in (MaskingPolicy.cudnn, MaskingPolicy.static)
]


@pytest.mark.parametrize(("name", "policy"), MODELS)
def test_whatever_pads_an_example_and_shares_its_batch(name: str, policy: MaskingPolicy) -> None:
    model = build(name, policy, gpu=True)

    @seed(MODELS.index((name, policy)))  # each searches elsewhere
    @settings(max_examples=2, deadline=None, derandomize=True)
    @given(draws())
    def holds(drawn: Draw) -> None:
        everything = [*drawn.pairs, *drawn.mates]
        alone, mates = (teach(model, batch_of(pairs)) for pairs in (drawn.pairs, drawn.mates))
        mixed = teach(model, batch_of([everything[k] for k in drawn.order], drawn.extra, drawn.filler))
        for k, example in enumerate([*alone.examples, *mates.examples]):
            assert_same(example, mixed.examples[drawn.order.index(k)])
        assert_close(alone.loss + mates.loss, mixed.loss)
        summed = [ours + theirs for ours, theirs in zip(alone.gradients, mates.gradients)]
        assert_gradients_close(mixed.gradients, summed)

    holds()


def test_without_masking_padding_changes_results() -> None:
    """The contract can fail: `masking=none` breaks it."""
    model, pairs = build("luong", MaskingPolicy.none), examples()
    together, padded = (teach(model, batch_of(pairs, extra)) for extra in (0, 4))
    for ours, theirs in zip(together.examples, padded.examples):
        assert np.max(np.abs(ours["features"] - theirs["features"])) > 1e-3
    assert abs(together.loss - padded.loss) > 1e-3


LONG = [(5, 3), (6, 6), (7, 4), (2, 2), (4, 9), (3, 8)]


@pytest.mark.parametrize("name", sorted(set(ATTENTIONS) - {"none"}))
def test_where_a_decoder_attends(name: str) -> None:
    rng = np.random.default_rng(5)
    pairs: list[Pair] = [tuple(rng.integers(4, VOCABULARY, n).tolist() for n in pair) for pair in LONG]  # type: ignore[misc]
    model = build(name)

    def sums(batch: Batch) -> np.ndarray:
        encoded = model.encode(batch.source_ids, batch.source_length)
        alignments = model.decode(encoded, batch.target_inputs).alignments
        return attention_sums(alignments, encoded.memory_length, batch.target_length).numpy()

    alone = np.sum([sums(batch_of([pair])) for pair in pairs], axis=0)
    assert alone[0] == 4 + 7 + 5 + 10  # the tokens, with their ends, of those that are long enough
    assert_close(sums(batch_of(pairs)), alone)
    assert_close(sums(batch_of(pairs[::-1], extra=4)), alone)
