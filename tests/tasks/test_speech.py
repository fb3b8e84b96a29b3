"""The loss of speech, its padding contract, and the evaluation of a corpus."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from seq2seq.config.groups.search import SearchConfig
from seq2seq.config.groups.speech import SpeechTaskConfig
from seq2seq.datasets.batches.pairs import Ragged, Shape, target_arrays, with_empty_rows
from seq2seq.datasets.batches.plan import evaluation_plan
from seq2seq.datasets.batches.speech import SPEECH_SIGNATURE, SpeechBatch, SpeechBatchMaker, pad_waveforms
from seq2seq.keras2 import keras
from seq2seq.tasks.speech.evaluator import SpeechEvaluator
from seq2seq.tasks.speech.loss import SpeechLoss, speech_loss
from seq2seq.tasks.speech.model import SpeechModel
from seq2seq.tasks.speech.training import SpeechTraining, feature_sums
from seq2seq.tasks.speech.transcriber import Transcriber, search_weight
from tests.closeness import assert_all_close, assert_close, assert_gradients_close
from tests.datasets.index.test_utterance_index import index, table
from tests.tiny_speech import RATE, TOKENIZER, tiny_config, tiny_model

EXAMPLES = [(0.9, "ab"), (0.4, ""), (0.7, "cad b"), (0.5, "a")]
"""Seconds, and a text that CTC can align with them."""
IMPOSSIBLE = (0.15, "abcdabcdabcd")

Example = tuple[np.ndarray, str]


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return tiny_model()


def examples(*chosen: tuple[float, str]) -> list[Example]:
    rng = np.random.default_rng(5)
    return [(0.3 * rng.standard_normal(round(s * RATE)).astype(np.float32), text) for s, text in chosen]


def batch_of(chosen: list[Example], extra: int = 0) -> SpeechBatch:
    """``extra`` more samples and tokens of padding, garbage in all of it."""
    audio, length = pad_waveforms([waveform for waveform, _ in chosen])
    targets = target_arrays(Ragged.of(TOKENIZER.encode([text for _, text in chosen])), TOKENIZER)

    def spoiled(values: np.ndarray, lengths: np.ndarray, extra: int, garbage: float) -> tf.Tensor:
        values = np.pad(values, [(0, 0), (0, extra)])
        real = np.arange(values.shape[1]) < lengths[:, None]
        return tf.constant(np.where(real, values, np.asarray(garbage, values.dtype)) if extra else values)

    return SpeechBatch(
        tf.range(len(chosen), dtype=tf.int64),
        spoiled(audio, length, extra, 0.8),
        tf.constant(length),
        spoiled(targets[0], targets[2], min(extra, 3), 5),
        spoiled(targets[1], targets[2], min(extra, 3), 5),
        tf.constant(targets[2]),
    )


def teach(model: SpeechModel, batch: SpeechBatch, weight: float = 0.3) -> tuple[SpeechLoss, list[np.ndarray]]:
    """The loss and its gradients."""
    with tf.GradientTape() as tape:
        loss = speech_loss(
            model, batch, True, ctc_weight=weight, blank_id=TOKENIZER.pad_id, label_smoothing=0.1
        )
    gradients = tape.gradient(loss.joint.total, model.trainable_variables, unconnected_gradients="zero")
    return loss, [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


def assert_same(
    ours: tuple[SpeechLoss, list[np.ndarray]], loss: SpeechLoss, gradients: list[np.ndarray]
) -> None:
    assert_all_close((*ours[0].joint, ours[0].ctc), (*loss.joint, loss.ctc))
    assert_gradients_close(ours[1], gradients)


def test_loss_is_made_of_its_parts(model: SpeechModel) -> None:
    batch = batch_of(examples(*EXAMPLES))
    found = {weight: teach(model, batch, weight)[0] for weight in (0.0, 0.3, 1.0)}
    decoder, ctc = found[0.0].joint, found[1.0].ctc

    logits, ctc_logits = model(batch.waveforms, batch.waveform_length, batch.target_inputs)
    real = tf.sequence_mask(batch.target_length)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch.target_outputs, logits)
    assert_close(decoder.cross_entropy, tf.reduce_sum(losses[real]))
    length = model.encode(batch.waveforms, batch.waveform_length).memory_length
    alone = tf.nn.ctc_loss(
        batch.target_outputs,
        ctc_logits,
        batch.target_length - 1,
        length,
        logits_time_major=False,
        blank_index=TOKENIZER.pad_id,
    )
    assert_close(ctc, tf.reduce_sum(alone))

    assert_close(found[0.3].joint.total, 0.3 * ctc + 0.7 * decoder.total)
    assert float(decoder.total) != float(decoder.cross_entropy)  # smoothed
    assert_close(found[0.3].joint.cross_entropy, decoder.cross_entropy)
    assert_close(found[1.0].joint.total, ctc)
    assert_close(found[1.0].joint.cross_entropy, ctc)
    assert float(found[0.0].ctc) == 0.0
    assert {float(loss.joint.tokens) for loss in found.values()} == {2 + 0 + 5 + 1 + 4}
    assert all(loss.possible.numpy().all() for loss in found.values())


def test_each_weight_teaches_its_parts(model: SpeechModel) -> None:
    batch = batch_of(examples(*EXAMPLES[:2]))
    names = [id(variable) for variable in model.trainable_variables]
    for weight in (0.0, 0.3, 1.0):
        gradients = dict(zip(names, teach(model, batch, weight)[1]))

        def taught(layer: keras.layers.Layer, gradients: dict[int, np.ndarray] = gradients) -> bool:
            return any(gradients[id(variable)].any() for variable in layer.trainable_variables)

        assert taught(model.encoder)
        assert taught(model.ctc_projection) is (weight > 0.0)
        assert taught(model.decoder) is taught(model.target_embedding) is (weight < 1.0)


def test_padding_contract(model: SpeechModel) -> None:
    chosen = examples(*EXAMPLES)
    plain = teach(model, batch_of(chosen))
    assert_same(plain, *teach(model, batch_of(chosen, extra=613)))
    assert_same(plain, *teach(model, batch_of([chosen[k] for k in (2, 0, 3, 1)])))


def test_alone_is_as_together(model: SpeechModel) -> None:
    chosen = examples(*EXAMPLES)
    alone = [teach(model, batch_of([example])) for example in chosen]
    loss, gradients = teach(model, batch_of(chosen))
    for part in ("total", "cross_entropy", "tokens"):
        whole = sum(float(getattr(one.joint, part)) for one, _ in alone)
        assert_close(getattr(loss.joint, part), whole)
    assert_close(loss.ctc, sum(float(one.ctc) for one, _ in alone))
    summed = [np.sum(parts, axis=0) for parts in zip(*(ours for _, ours in alone))]
    assert_gradients_close(gradients, summed)


def test_what_ctc_cannot_align_adds_nothing(model: SpeechModel) -> None:
    chosen = examples(*EXAMPLES[:2], IMPOSSIBLE)
    without, gradients = teach(model, batch_of(chosen[:2]), weight=1.0)
    loss, found = teach(model, batch_of(chosen), weight=1.0)
    assert loss.possible.numpy().tolist() == [True, True, False]
    assert_close(loss.ctc, without.ctc)
    assert_gradients_close(found, gradients)


def with_empty(batch: SpeechBatch, rows: int) -> SpeechBatch:
    """So many empty rows below; above all of a batch of none of its rows."""
    empty = SpeechBatch(-1, 0.0, 1, TOKENIZER.pad_id, TOKENIZER.pad_id, 0)  # type: ignore[arg-type]
    arrays = SpeechBatch(*map(np.asarray, batch))
    return SpeechBatch(*map(tf.constant, with_empty_rows(arrays, empty, len(arrays.example_ids) + rows)))


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_empty_rows_count_for_nothing(model: SpeechModel, weight: float) -> None:
    batch = batch_of(examples(*EXAMPLES, IMPOSSIBLE))
    plain = teach(model, batch, weight)
    loss, gradients = teach(model, with_empty(batch, 3), weight)
    assert_same(plain, loss, gradients)
    assert loss.possible.numpy().tolist() == [*plain[0].possible.numpy(), True, True, True]

    nothing = with_empty(SpeechBatch(*(column[:0] for column in batch)), 2)
    loss, gradients = teach(model, nothing, weight)
    assert [float(value) for value in (*loss.joint, loss.ctc)] == [0.0] * 4
    assert not any(gradient.any() for gradient in gradients)
    assert loss.possible.numpy().all()


def test_empty_rows_are_no_tokens(tmp_path: Path) -> None:
    utterances = index(table(tmp_path, [("one", 0.6, "ab c"), ("two", 0.4, "d")]), None, keep_all=True)
    task = SpeechTraining(
        SpeechTaskConfig(),
        blank_id=TOKENIZER.pad_id,
        train=utterances,
        maker=SpeechBatchMaker(utterances, TOKENIZER),
        plan=lambda epoch: evaluation_plan(
            utterances.frames, utterances.target.lengths, batch_type="examples", batch_size=2
        ),
        signature=SPEECH_SIGNATURE,
        seed=1,
        evaluator=evaluator,
        val=utterances,
    )
    maker = SpeechBatchMaker(utterances, TOKENIZER)
    assert task.tokens(maker(np.arange(2), shape=Shape(3000, 8, 4))) == utterances.frames.sum() + 5 + 2
    assert task.tokens(maker(np.array([], np.int64))) == 0


def test_statistics_of_the_corpus_make_its_features_standard(tmp_path: Path) -> None:
    chosen = [(f"u{n}", 0.3 + 0.1 * n, "a") for n in range(20)]
    reader = table(tmp_path, chosen)
    for (name, _, _), (waveform, _) in zip(chosen, examples(*((s, text) for _, s, text in chosen))):
        soundfile.write(tmp_path / f"{name}.wav", waveform, RATE)
    utterances = index(reader, None, keep_all=True)
    heard = tiny_model("model.features.normalization=corpus").features
    heard.set_statistics(feature_sums(heard, utterances))
    audio = [utterances.waveform(row) for row in range(20)]
    frames = np.concatenate([heard(row[np.newaxis], np.array([len(row)], np.int32))[0][0] for row in audio])
    np.testing.assert_allclose(frames.mean(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(frames.var(axis=0), 1.0, rtol=0.05)  # the floor that variances have


# Evaluation


def evaluator(model: SpeechModel, *overrides: str) -> SpeechEvaluator:
    config = tiny_config(*overrides)
    assert isinstance(config.task, SpeechTaskConfig)
    weight = search_weight(config.search, config.task)
    return SpeechEvaluator(
        Transcriber(model, TOKENIZER, config.search, ctc_weight=weight), config.task, config.data.batch
    )


@pytest.fixture(scope="module")
def measured(model: SpeechModel) -> SpeechEvaluator:
    return evaluator(model)


def test_evaluation_of_two_utterances(measured: SpeechEvaluator, tmp_path: Path) -> None:
    utterances = index(table(tmp_path, [("one", 0.6, "ab c"), ("two", 0.4, "d")]), None, keep_all=True)
    found = measured.evaluate(utterances)

    targets = target_arrays(Ragged.of(TOKENIZER.encode(["ab c", "d"])), TOKENIZER)
    audio = pad_waveforms([utterances.waveform(row) for row in range(2)])
    batch = SpeechBatch(*map(tf.constant, (np.arange(2), *audio, *targets)))
    loss = speech_loss(measured.transcriber.model, batch, False, ctc_weight=0.3, blank_id=TOKENIZER.pad_id)
    tokens = 5 + 2
    assert found.metrics["loss"] == pytest.approx(float(loss.joint.cross_entropy) / tokens, rel=1e-5)
    assert found.metrics["perplexity"] == pytest.approx(np.exp(found.metrics["loss"]))
    assert found.metrics["ctc_loss"] == pytest.approx(float(loss.ctc) / tokens, rel=1e-5)
    assert set(found.metrics) == {"loss", "perplexity", "ctc_loss", "wer", "cer"}
    assert (found.sources, found.references) == (["one", "two"], ["ab c", "d"])
    alone = [next(measured.transcriber.transcribe([utterances.waveform(row)])) for row in range(2)]
    assert [one.texts for one in found.predictions] == [one.texts for one in alone]
    assert set(found.reports) == {"speakers.tsv", "worst.txt"}
    assert found.reports["speakers.tsv"].split("\n")[1].startswith("-\t2\t3\t")


def test_another_metric_is_measured_beside(model: SpeechModel, tmp_path: Path) -> None:
    utterances = index(table(tmp_path, [("one", 0.4, "ab")]), None, keep_all=True)
    found = evaluator(model, "task.extra_metrics=[chrf]").evaluate(utterances)
    assert set(found.metrics) == {"loss", "perplexity", "ctc_loss", "wer", "cer", "chrf"}
    assert list(found.signatures) == ["wer", "cer", "chrf"]
    assert found.signatures["chrf"].startswith("nrefs:1|case:mixed")


def test_evaluation_names_what_ctc_cannot_align(
    measured: SpeechEvaluator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seconds, text = IMPOSSIBLE
    good = ("good", 0.5, "ab")
    both = index(table(tmp_path, [good, ("hasty", seconds, text)]), None, keep_all=True)
    with caplog.at_level(logging.WARNING):
        losses = measured.losses(both).metrics
    assert "1 utterances are too short" in caplog.text and "hasty" in caplog.text
    assert "good" not in caplog.text
    alone = measured.losses(index(table(tmp_path, [good]), None, keep_all=True)).metrics
    assert losses["ctc_loss"] * (3 + len(text) + 1) == pytest.approx(alone["ctc_loss"] * 3, rel=1e-5)


def test_attention_alone_has_no_ctc_loss(model: SpeechModel, tmp_path: Path) -> None:
    utterances = index(table(tmp_path, [("one", 0.4, "ab")]), None, keep_all=True)
    assert set(evaluator(model, "task.ctc_weight=0").losses(utterances).metrics) == {"loss", "perplexity"}


def test_statistics_do_not_depend_on_batches(model: SpeechModel, tmp_path: Path) -> None:
    rows = [("one", 0.6, "ab c"), ("two", 0.3, "d"), ("three", 0.9, "dcba dcba"), ("four", 0.4, "bad")]
    utterances = index(table(tmp_path, rows), None, keep_all=True)
    together, alone = (
        evaluator(model, "data.batch.type=examples", f"data.batch.size={size}").losses(utterances).statistics
        for size in (4, 1)
    )
    names = {"attention_on_last", "attention_on_commonest", "attention_entropy", "ctc_silent"}
    assert set(together) == names
    assert together == pytest.approx(alone, rel=1e-5)


def test_ctc_alone_attends_to_nothing(model: SpeechModel, tmp_path: Path) -> None:
    utterances = index(table(tmp_path, [("one", 0.6, "ab c")]), None, keep_all=True)
    assert set(evaluator(model, "task.ctc_weight=1").losses(utterances).statistics) == {"ctc_silent"}


def test_search_weight() -> None:
    task = SpeechTaskConfig(ctc_weight=0.3)
    assert search_weight(SearchConfig(), task) == 0.3
    assert search_weight(SearchConfig(ctc_weight=0.0), task) == 0.0
    assert search_weight(SearchConfig(ctc_weight=1.0), task) == 1.0
