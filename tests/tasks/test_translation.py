"""The loss of a batch, and the curve of scheduled sampling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.config.groups.masking import MaskingPolicy
from seq2seq.datasets.batches.pairs import Batch, with_empty_rows
from seq2seq.tasks.loss import sampling_probability
from seq2seq.tasks.table import task_of
from seq2seq.tasks.translation.scoring import pair_log_probs
from seq2seq.tasks.translation.training import TranslationTraining, translation_loss
from tests.closeness import assert_all_close, assert_close, assert_gradients_close
from tests.contracts.test_padding import batch_of, examples
from tests.contracts.variants import PAD, VARIANTS, build


def numpy_log_probs(name: str) -> list[np.ndarray]:
    """Of each target token of each example, from the model's logits."""
    model, batch = build(name), batch_of(examples())
    logits = model(batch.source_ids, batch.source_length, batch.target_inputs).numpy().astype(np.float64)
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return [
        log_probs[b, np.arange(n), batch.target_outputs[b, :n]]
        for b, n in enumerate(batch.target_length.numpy())
    ]


def test_loss_and_scores_equal_numpy() -> None:
    expected = numpy_log_probs("luong")
    model, batch = build("luong"), batch_of(examples())
    loss = translation_loss(model, batch, training=False)
    assert_close(loss.cross_entropy, -sum(map(np.sum, expected)))
    assert_close(loss.total, loss.cross_entropy)
    assert loss.tokens == sum(map(len, expected))
    assert_close(pair_log_probs(model, batch), [row.sum() for row in expected])


@pytest.mark.parametrize("name", [name for name in VARIANTS if "no feeding" not in name])
def test_scheduled_sampling_of_nothing_is_teacher_forcing(name: str) -> None:
    model, batch = build(name), batch_of(examples())
    plain = translation_loss(model, batch, training=True)
    never = translation_loss(model, batch, training=True, sampling_probability=tf.constant(0.0))
    assert_close(never.total, plain.total)


def test_scheduled_sampling_reads_samples() -> None:
    model, batch = build("luong"), batch_of(examples())
    plain, always = (
        translation_loss(model, batch, training=True, sampling_probability=tf.constant(p)).total
        for p in (0.0, 1.0)
    )
    assert abs(float(always - plain)) > 1e-2


def test_sampling_probability() -> None:
    def curve(schedule: str) -> list[float]:
        return [
            float(sampling_probability(schedule, 0.4, 100, tf.constant(step)))
            for step in (0, 25, 50, 100, 1000)
        ]

    assert_close(curve("constant"), [0.4] * 5)
    assert_close(curve("linear"), [0.0, 0.1, 0.2, 0.4, 0.4])
    sigmoid = 0.4 / (1 + np.exp(-12 * (np.array([0, 0.25, 0.5, 1, 10]) - 0.5)))
    assert_close(curve("inverse_sigmoid"), sigmoid)


@pytest.mark.parametrize("policy", MaskingPolicy)
def test_empty_rows_count_for_nothing(policy: MaskingPolicy) -> None:
    model, batch = build("luong", policy), batch_of(examples())

    def teach(batch: Batch) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Loss and gradients."""
        with tf.GradientTape() as tape:
            loss = translation_loss(model, batch, True, 0.1)
        gradients = tape.gradient(loss.total, model.trainable_variables, unconnected_gradients="zero")
        return [part.numpy() for part in loss], [tf.convert_to_tensor(each).numpy() for each in gradients]

    def with_empty(batch: Batch, rows: int) -> Batch:
        empty = Batch(-1, PAD, 1, PAD, PAD, 0)  # type: ignore[arg-type]
        return Batch(*map(tf.constant, with_empty_rows(Batch(*map(np.asarray, batch)), empty, rows)))

    loss, gradients = teach(with_empty(batch, 7))
    expected_loss, expected_gradients = teach(batch)
    assert_all_close(loss, expected_loss)
    assert_gradients_close(gradients, expected_gradients)
    nothing = with_empty(Batch(*(column[:0] for column in batch)), 2)
    assert not any(value.any() for part in teach(nothing) for value in part)


def test_tokens_are_those_of_examples() -> None:
    task = object.__new__(TranslationTraining)
    batch = Batch(*map(np.asarray, batch_of(examples())))
    empty = Batch(-1, PAD, 1, PAD, PAD, 0)  # type: ignore[arg-type]
    real = int(batch.source_length.sum() + batch.target_length.sum())
    assert task.tokens(with_empty_rows(batch, empty, 7)) == task.tokens(batch) == real
    assert task.tokens(with_empty_rows(Batch(*(column[:0] for column in batch)), empty, 1)) == 0


@pytest.mark.parametrize(("words", "first"), [(3, "chrf"), (4, "bleu")])
def test_a_metric_that_is_blind_picks_no_checkpoint(words: int, first: str, tmp_path: Path) -> None:
    for name in ("train", "val"):
        lines = [f"{word}\t{' '.join([word] * words)}\n" for word in ("ab", "cd", "ef")]
        (tmp_path / f"{name}.tsv").write_text("".join(lines), encoding="utf-8")
    files = [f"data.{name}={name}.tsv" for name in ("train", "val")]
    task = task_of(compose(["data=tsv", f"data.root={tmp_path}", *files, "data.tokenizer.kind=word"]))
    tokenizers = task.make_tokenizers(tmp_path / "tokenizer")
    assert task.training(tokenizers, tmp_path / "index").order.first.name == first
