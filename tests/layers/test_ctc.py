"""The CTC loss equals the sum over all paths, its gradient the difference quotient; padding and the impossible."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.layers.ctc import ctc_losses, ctc_possible
from tests.closeness import assert_close
from tests.contracts.ctc_paths import log_softmax, text_log_probs

VOCABULARY_SIZE, FRAMES = 4, 5
# Frames and texts, possible or not; with repeats, empty, as long as there are frames, and in no frames.
CASES = [
    (5, [1, 2]),
    (5, [3, 3]),
    (4, []),
    (3, [2, 2]),
    (3, [1, 2, 3]),
    (1, [2]),
    (2, [1, 1]),
    (0, []),
    (5, [2, 2, 2]),
]
IMPOSSIBLE = [False, False, False, False, False, False, True, True, False]


def batch(blank_id: int = 0, padding: tuple[int, int] = (0, 0), cases: Any = CASES) -> dict[str, tf.Tensor]:
    """The logits of a case depend on its place among the cases alone; padding is noise."""
    frames = max(length for length, _ in cases) + padding[0]
    width = max(len(text) for _, text in cases) + padding[1]
    noise = np.random.default_rng(9)
    logits = noise.normal(size=(len(cases), frames, VOCABULARY_SIZE)) * 30
    targets = noise.integers(0, VOCABULARY_SIZE, (len(cases), width))
    for b, (length, text) in enumerate(cases):
        place = CASES.index((length, text))
        logits[b, :length] = np.random.default_rng(place).normal(size=(length, VOCABULARY_SIZE)) * 2
        targets[b, : len(text)] = [(label + blank_id) % VOCABULARY_SIZE for label in text]
    return {
        "logits": tf.constant(logits, tf.float32),
        "length": tf.constant([length for length, _ in cases]),
        "targets": tf.constant(targets, tf.int32),
        "target_length": tf.constant([len(text) for _, text in cases]),
    }


def losses_and_gradient(inputs: dict[str, tf.Tensor], blank_id: int = 0) -> tuple[np.ndarray, ...]:
    """Losses, possible, and the gradient of the losses weighted 1, 2, …"""
    with tf.GradientTape() as tape:
        tape.watch(inputs["logits"])
        losses, possible = ctc_losses(**inputs, blank_id=blank_id)
        total = tf.reduce_sum(losses * tf.range(1.0, len(losses) + 1))
    return losses.numpy(), possible.numpy(), tape.gradient(total, inputs["logits"]).numpy()


def brute_force(logits: np.ndarray, length: int, text: tuple[int, ...], blank_id: int) -> float:
    return -text_log_probs(log_softmax(logits[:length]), blank_id).get(text, -np.inf)


def difference_quotient(function: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    gradient = np.zeros(at.shape)
    for place in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[place] = 1e-5
        gradient[place] = (function(at + step) - function(at - step)) / 2e-5
    return gradient


@pytest.mark.parametrize("blank_id", [0, 2, 3])
def test_loss_and_gradient_equal_the_sum_over_all_paths(blank_id: int) -> None:
    inputs = batch(blank_id)
    losses, possible, gradient = losses_and_gradient(inputs, blank_id)
    assert possible.tolist() == [not impossible for impossible in IMPOSSIBLE]
    for b, (length, text) in enumerate(CASES):
        logits = inputs["logits"][b].numpy().astype(np.float64)
        labels = tuple((label + blank_id) % VOCABULARY_SIZE for label in text)
        if IMPOSSIBLE[b]:
            assert losses[b] == 0.0
            assert not gradient[b].any()
            continue
        assert_close(losses[b], brute_force(logits, length, labels, blank_id))
        expected = difference_quotient(lambda x: brute_force(x, length, labels, blank_id), logits)  # noqa: B023
        assert_close(gradient[b], (b + 1) * expected)


def test_possible_is_what_some_path_spells() -> None:
    inputs = batch(padding=(0, 1))
    del inputs["logits"]
    assert ctc_possible(**inputs).numpy().tolist() == [not impossible for impossible in IMPOSSIBLE]
    for (length, text), impossible in zip(CASES, IMPOSSIBLE):
        spelt = text_log_probs(np.zeros((length, VOCABULARY_SIZE)), 0)
        assert (length == 0 or tuple(text) not in spelt) == impossible


def test_nothing_depends_on_padding_or_on_batch_mates() -> None:
    together = losses_and_gradient(batch())
    padded = losses_and_gradient(batch(padding=(4, 3)))
    for one, other in zip(together, padded):
        np.testing.assert_array_equal(one, other[:, :FRAMES] if other.ndim == 3 else other)
    assert not padded[2][:, FRAMES:].any()
    for b, case in enumerate(CASES):
        alone = losses_and_gradient(batch(cases=[case]))
        np.testing.assert_array_equal(alone[0][0], together[0][b])
        np.testing.assert_array_equal(alone[1][0], together[1][b])
        assert_close((b + 1) * alone[2][0], together[2][b, : case[0]])


def test_what_is_not_read_may_be_anything() -> None:
    inputs, clean = batch(), losses_and_gradient(batch())
    logits = inputs["logits"].numpy()
    for b, (length, _) in enumerate(CASES):
        logits[b, length:] = [np.nan, np.inf, -np.inf, 1e30]
        if IMPOSSIBLE[b]:
            logits[b] = np.nan
    for one, other in zip(losses_and_gradient({**inputs, "logits": tf.constant(logits)}), clean):
        np.testing.assert_array_equal(one, other)


def test_long_and_sharp_inputs_keep_their_digits() -> None:
    """Hundreds of frames whose likeliest label is never the wanted one: sums that single precision would blur."""
    generator = np.random.default_rng(3)
    logits = generator.normal(size=(1, 400, 30)).astype(np.float32)
    logits[..., 0] = 25.0
    targets = generator.integers(1, 30, (1, 90)).astype(np.int32)
    losses, possible, gradient = losses_and_gradient(
        {
            "logits": tf.constant(logits),
            "length": tf.constant([400]),
            "targets": tf.constant(targets),
            "target_length": tf.constant([90]),
        }
    )
    assert possible.all()
    assert_close(losses[0], -log_forward(log_softmax(logits[0]), targets[0]))
    assert_close(gradient.sum(-1), 0.0, scale=1.0, steps=4)
    emitted = -(gradient - np.exp(log_softmax(logits)))[0, :, 1:].sum()
    assert emitted > 90 - 1e-3  # every label is emitted in at least one frame


def log_forward(log_probs: np.ndarray, text: np.ndarray) -> float:
    """The forward algorithm, written out."""
    states = [0]
    for label in text.tolist():
        states += [label, 0]
    scores = np.full(len(states), -np.inf)
    scores[:2] = log_probs[0, states[:2]]
    for frame in log_probs[1:]:
        last, scores = scores, scores.copy()
        for s, label in enumerate(states):
            ways = [last[s]] + [last[s - 1]] * (s > 0)
            if s > 1 and label != 0 and label != states[s - 2]:
                ways.append(last[s - 2])
            scores[s] = np.logaddexp.reduce(ways) + frame[label]
    return float(np.logaddexp.reduce(scores[-2:]))


@pytest.mark.parametrize("compiled", [False, True])
def test_one_graph_with_dynamic_shapes_and_xla_with_static_ones(compiled: bool) -> None:
    @tf.function(jit_compile=compiled, reduce_retracing=not compiled)
    def run(inputs: dict[str, tf.Tensor]) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs["logits"])
            losses, possible = ctc_losses(**inputs, blank_id=0)
            total = tf.reduce_sum(losses * tf.range(1.0, len(CASES) + 1))
        return losses, possible, tape.gradient(total, inputs["logits"])

    for padding in [(0, 0), (0, 0)] if compiled else [(0, 0), (2, 1), (1, 4)]:
        inputs = batch(padding=padding)
        for one, other in zip(run(inputs), losses_and_gradient(inputs)):
            assert_close(one, other)


def test_no_text_or_no_frames_at_all() -> None:
    nothing = tf.zeros([2, 0], tf.int32), tf.constant([0, 0])
    logits = tf.random.stateless_normal([2, 3, 4], [1, 2])
    losses, possible = ctc_losses(logits, tf.constant([3, 2]), *nothing, blank_id=0)
    blanks = tf.nn.log_softmax(logits)[:, :, 0].numpy()
    assert_close(losses, [-blanks[0].sum(), -blanks[1, :2].sum()])
    assert possible.numpy().all()
    losses, possible = ctc_losses(logits[:, :0], tf.constant([0, 0]), *nothing, blank_id=0)
    assert losses.numpy().tolist() == [0.0, 0.0]
    assert not possible.numpy().any()


def test_gradient_of_the_joint_loss_of_a_small_model() -> None:
    """λ · CTC + (1 - λ) · cross entropy, by the parameters of a shared layer and of two heads on it."""
    generator, weight, targets = np.random.default_rng(5), 0.3, [1, 3, 3]
    frames = generator.normal(size=(4, 3))
    shapes = [(3, 3), (3, VOCABULARY_SIZE), (3, VOCABULARY_SIZE)]
    sizes = [int(np.prod(shape)) for shape in shapes]
    start = generator.normal(size=sum(sizes))

    def reference(values: np.ndarray) -> float:
        shared, head, decoder = (
            part.reshape(shape) for part, shape in zip(np.split(values, np.cumsum(sizes)[:-1]), shapes)
        )
        memory = np.tanh(frames @ shared)
        ctc = brute_force(memory @ head, len(frames), tuple(targets), 0)
        log_probs = log_softmax(memory[: len(targets)] @ decoder)
        return weight * ctc - (1 - weight) * log_probs[np.arange(len(targets)), targets].sum()

    values = tf.Variable(start, dtype=tf.float32)
    with tf.GradientTape() as tape:
        shared, head, decoder = (
            tf.reshape(part, shape) for part, shape in zip(tf.split(values, sizes), shapes)
        )
        memory = tf.tanh(tf.constant(frames, tf.float32) @ shared)
        ctc, _ = ctc_losses(
            (memory @ head)[tf.newaxis],
            tf.constant([4]),
            tf.constant([targets]),
            tf.constant([3]),
            blank_id=0,
        )
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, memory[:3] @ decoder)
        loss = weight * ctc[0] + (1 - weight) * tf.reduce_sum(cross_entropy)
    assert_close(loss, reference(start))
    expected = difference_quotient(reference, start)
    assert_close(tape.gradient(loss, values), expected)
