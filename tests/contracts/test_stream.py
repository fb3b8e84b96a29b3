"""Contract 3 of text that is read on and on: in windows, whatever their lengths, a language model says what it says of
the whole text at once, whose lines it reads one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.groups.language_model import LanguageModelTaskConfig
from seq2seq.config.groups.masking import MaskingPolicy
from seq2seq.datasets.arriving import Arriving
from seq2seq.datasets.batches.windows import Window, WindowMaker, window_plan
from seq2seq.state import reset_rows
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.language_model.reading import DynamicScorer, StreamScorer
from seq2seq.tasks.language_model.training import window_loss
from tests.closeness import assert_close
from tests.contracts.test_language_model import WORDS
from tests.contracts.variants import LANGUAGE_MODELS, build_lm
from tests.datasets.batches.test_windows import LINES, TOKENS, index

OPTIONS = LanguageModelTaskConfig(label_smoothing=0.0)


def whole(model: LanguageModel) -> np.ndarray:
    """``[TOKENS]``: the log-probability of each token of the text, given all before it, from one call of the model."""
    window = WindowMaker(index(), WORDS, rows=1)(window_plan(TOKENS, 1, TOKENS)[0])
    logits = model(tf.constant(window.target_inputs), tf.constant(window.target_length))
    log_probs: np.ndarray = tf.nn.log_softmax(logits).numpy()[0]
    return log_probs[np.arange(TOKENS), window.target_outputs[0]]


def cross_entropies(model: LanguageModel, rows: int, window: int, **options: Any) -> tuple[float, Any]:
    """Of a pass in windows whose state is carried, summed; and the states after it."""
    plan = window_plan(TOKENS, rows, window, **options)
    width = 30 if model.masking == MaskingPolicy.static else 0
    maker, total, states = WindowMaker(index(), WORDS, rows=rows, width=width), 0.0, model.start(rows)
    states = tf.nest.map_structure(lambda part: part + np.nan, states)  # what a pass before may have left
    for number in range(len(plan)):
        batch = Window(*map(tf.constant, maker(plan[number])))
        loss, states = window_loss(model, batch, True, OPTIONS, reset_rows(states, batch.begins))
        total += float(loss.cross_entropy)
    return total, states


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_windows_that_carry_their_state_are_the_whole(name: str) -> None:
    model = build_lm(name)
    total, after = cross_entropies(model, 1, TOKENS)
    assert_close(total, -whole(model).sum())
    found, states = cross_entropies(model, 1, 4)
    assert_close(found, total)
    for one, other in zip(tf.nest.flatten(states), tf.nest.flatten(after)):
        assert_close(one, other)


@pytest.mark.parametrize("policy", MaskingPolicy)
def test_rows_are_the_whole_of_their_own(policy: MaskingPolicy) -> None:
    """Whatever happens to padding, which only the last windows have; but for those that are static."""
    model = build_lm("one layer", policy, gpu=True)
    at_once, _ = cross_entropies(model, 3, TOKENS)
    assert_close(cross_entropies(model, 3, 2)[0], at_once)
    assert_close(cross_entropies(model, 3, 5, random=True, seed=2)[0], at_once)
    assert abs(at_once + whole(model).sum()) > 1e-3  # a row begins without what is before it


def test_a_line_is_scored_after_those_before_it_whatever_the_windows() -> None:
    model = build_lm("tied")
    ends = np.cumsum([len(line) + 1 for line in LINES])
    expected = np.split(whole(model), ends[:-1])
    for window in (1, 5, 256):
        scorer = StreamScorer(model, WORDS, window)
        assert_close(scorer.line_log_probs(index()), [line.sum() for line in expected])
        texts = WORDS.decode(LINES)
        for line, (pieces, log_probs) in zip(expected, scorer(texts)):
            assert_close(log_probs, line)
            assert len(pieces) == len(line)


def test_dynamic_evaluation_is_gradient_descent_between_windows() -> None:
    """By hand: each window is scored with the weights as they are, and its gradient then changes those of a copy; lines
    that come one by one are scored as all at once, twice the same, and the model stays as it was."""
    model, by_hand = build_lm("tied"), build_lm("tied")
    before = [variable.numpy() for variable in model.variables]
    plan, maker = window_plan(TOKENS, 1, 5), WindowMaker(index(), WORDS, rows=1)
    states, expected = by_hand.start(1), []
    for number in range(len(plan)):
        batch = Window(*map(tf.constant, maker(plan[number])))
        ids = batch.target_outputs
        with tf.GradientTape() as tape:
            features, states = by_hand.features(batch.target_inputs, batch.target_length, states)
            log_probs = tf.nn.log_softmax(by_hand.output_projection(features[0]))
            losses = -tf.gather(log_probs, ids[0], batch_dims=1)
            loss = tf.reduce_mean(losses)
        expected += (-losses).numpy().tolist()
        for variable, gradient in zip(
            by_hand.trainable_variables, tape.gradient(loss, by_hand.trainable_variables)
        ):
            variable.assign_sub(0.5 * tf.convert_to_tensor(gradient))
    scorer = DynamicScorer(model, build_lm("tied"), WORDS, window=5, learning_rate=0.5)
    lines = WORDS.decode(LINES)
    for arriving in (lines, Arriving(lines, ready=lambda: False)):
        found = np.concatenate([scored.log_probs for scored in scorer(arriving)])
        assert_close(found, expected)
    ends = np.cumsum([len(line) + 1 for line in LINES])
    assert_close(
        scorer.line_log_probs(index()), [part.sum() for part in np.split(np.array(expected), ends[:-1])]
    )
    assert np.max(np.abs(whole(model) - expected)) > 1e-2
    for variable, value in zip(model.variables, before):
        np.testing.assert_array_equal(variable, value)
