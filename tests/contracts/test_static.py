"""`masking=static`: fixed shapes and empty rows change nothing; XLA compiles the whole training step and makes the
update of the dynamic path; and contract 7, a run traces no more graphs than there are shapes."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # compiles in half of the time

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.config.groups.masking import MaskingConfig, MaskingPolicy
from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.keras2 import keras
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.runs.train import train
from seq2seq.runs.use import load_run
from seq2seq.search import SearchResult
from seq2seq.tasks.loss import Loss
from seq2seq.tasks.table import task_of
from seq2seq.tasks.translation.evaluator import TranslationEvaluator
from seq2seq.tasks.translation.model import build_translation_model
from seq2seq.tasks.translation.training import translation_loss
from seq2seq.tasks.translation.translator import Translator
from seq2seq.text import Normalizer, WordTokenizer
from seq2seq.training import loop
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.optim.optimizers import Adam
from seq2seq.training.optim.schedules import Constant
from seq2seq.training.step import StepOptions, TrainStep
from tests.closeness import assert_close
from tests.contracts.test_padding import batch_of, examples
from tests.contracts.variants import PAD, VARIANTS, VOCABULARY, build

SAMPLE = Path(__file__).parents[2] / "data" / "translation"

SMALL = [
    "data.tokenizer.kind=bpe",
    "data.tokenizer.vocabulary_size=160",
    "data.tokenizer.sampling.alpha=0.1",
    "data.batch.size=800",
    "model.embedding.size=16",
    "model.encoder.units=16",
    "model.decoder.units=32",
    "model.decoder.attention.layer_size=16",
    "optimizer.learning_rate=0.01",
    "optimizer.schedule.warmup_steps=0",
    "training.epochs=5",
    "search.max_length_ratio=1",
    "training.validate_every=1000",
    "training.plots=false",
    "training.tensorboard=false",
]

COMPILED = [
    "luong",
    "luong, no feeding",
    "location, smooth window",
    "bahdanau_monotonic, no feeding",
    "two residual layers each, all tied",
]
"""Every way through the decoder: attention in one loop with the cells, all at once, or in a loop after; a stack."""

QUICK_AND_SLOW = [*COMPILED[:1], *(pytest.param(name, marks=pytest.mark.slow) for name in COMPILED[1:])]


def static_batch(rows: int = 6) -> Batch:
    """The examples of the padding contract, two more columns of padding on each side, and empty rows below."""
    batch = batch_of(examples(), extra=2)
    empty = Batch(-1, PAD, 1, PAD, PAD, 0)  # type: ignore[arg-type]
    missing = [0, rows - len(examples())]
    return Batch(
        *(
            tf.pad(column, [missing, [0, 0]][: column.shape.rank], constant_values=value)
            for column, value in zip(batch, empty)
        )
    )


class Trainer(NamedTuple):
    """A step, and everything that it changes."""

    step: TrainStep
    variables: list[tf.Variable]

    def __call__(self, batch: Batch) -> list[np.ndarray]:
        """Makes an update; gives its report and what every variable holds after it."""
        report = self.step(((batch,),))
        assert report.finite
        return [np.array(report), *(variable.numpy() for variable in self.variables)]


def smoothed_loss(model: Any, batch: Batch, training: bool, sampling: float | None = None) -> Loss:
    """Of translation; `sampling`: the probability of scheduled sampling."""
    return translation_loss(model, batch, training, 0.1, sampling)


def make_trainer(
    model: EncoderDecoder, loss: Callable[..., Loss] = smoothed_loss, signature: Any = None, **options: Any
) -> Trainer:
    """Loss, gradient, L2, clipping, Adam and moving average: the whole step."""
    optimizer = Adam(Constant(1e-2), epsilon=1e-5)  # a first step of Adam by gradients of 1e-8 would be noise
    average = MovingAverage(0.9)
    optimizer.build(model.trainable_variables)
    average.build(model.trainable_variables)
    step = TrainStep(
        model=model,
        loss=loss,
        optimizer=optimizer,
        options=StepOptions(clip_norm=1.0, l2=1e-4, **options),
        average=average,
        signature=signature,
    )
    slots = [slot for slots in optimizer.slots for slot in slots]
    return Trainer(step, [optimizer.step, *model.trainable_variables, *slots, *average.averages])


def assert_same(ours: list[np.ndarray], other: list[np.ndarray]) -> None:
    """A step of Adam divides a gradient by its own size, whatever that is: the scale of an array says nothing of it."""
    for one, two in zip(ours, other):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@functools.cache
def dynamic_update(name: str) -> list[np.ndarray]:
    """Under strict, in shapes that change from batch to batch: one variant in its graph, those after it without."""
    trainer = make_trainer(build(name), signature=(SIGNATURE,))
    tf.config.run_functions_eagerly(name != COMPILED[0])
    try:
        return trainer(batch_of(examples()))
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("name", QUICK_AND_SLOW)
def test_fixed_shapes_and_empty_rows_change_nothing(name: str) -> None:
    expected = dynamic_update(name)
    static = make_trainer(build(name, MaskingPolicy.static))
    tf.config.run_functions_eagerly(True)
    try:
        assert_same(static(static_batch()), expected)
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("name", QUICK_AND_SLOW)
def test_xla_makes_the_update_of_the_dynamic_path(name: str) -> None:
    static = make_trainer(build(name, MaskingPolicy.static), jit_compile=True)
    assert_same(static(static_batch()), dynamic_update(name))


@pytest.mark.slow
def test_xla_compiles_scheduled_sampling() -> None:
    """Whose draws are not those of the dynamic path; so nothing is drawn."""
    static = make_trainer(
        build("luong", MaskingPolicy.static), functools.partial(smoothed_loss, sampling=0.0), jit_compile=True
    )
    assert_same(static(static_batch()), dynamic_update("luong"))


def with_dropout() -> EncoderDecoder:
    config = VARIANTS["luong"]
    rates = {"dropout": 0.2, "recurrent_dropout": 0.2}
    keras.utils.set_random_seed(7)
    return build_translation_model(
        replace(
            config,
            embedding=replace(config.embedding, dropout=0.2, word_dropout=0.1),
            encoder=replace(config.encoder, output_dropout=0.2, **rates),
            decoder=replace(
                config.decoder, attention=replace(config.decoder.attention, dropout=0.2), **rates
            ),
        ),
        MaskingConfig(MaskingPolicy.static),
        source_vocabulary_size=VOCABULARY,
        target_vocabulary_size=VOCABULARY,
    )


@pytest.mark.slow
def test_xla_draws_dropout_by_the_step() -> None:
    trainer = make_trainer(with_dropout(), jit_compile=True)
    start = [variable.numpy() for variable in trainer.variables[1:]]

    def update(step: int) -> list[np.ndarray]:
        """From the weights of the start."""
        for variable, value in zip(trainer.variables, [step, *start]):
            variable.assign(value)
        return trainer(static_batch())

    first, other, again = (update(step) for step in (0, 1, 0))
    for one, two in zip(first, again):
        np.testing.assert_array_equal(one, two)
    assert abs(first[0][0] - other[0][0]) > 1e-3  # the loss
    assert trainer.step.traces == 1


@pytest.mark.slow
def test_a_run_traces_a_graph_per_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[TrainStep] = []

    class Recorded(TrainStep):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            steps.append(self)

    monkeypatch.setattr(loop, "TrainStep", Recorded)
    for side in ("en", "de"):
        lines = (SAMPLE / f"train.{side}").read_text(encoding="utf-8").splitlines()[:48]
        (tmp_path / f"a.{side}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    files = [
        f"data.{split}.{side}=a.{name}"
        for split in ("train", "val")
        for side, name in (("source", "en"), ("target", "de"))
    ]
    train(compose(["masking=static", "masking.shapes=2", "data=parallel_text", f"data.root={tmp_path}", *files,
                   *SMALL, f"run_dir={tmp_path / 'run'}"]))  # fmt: skip
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert [step.traces for step in steps] == [2]
    run = load_run(tmp_path / "run", ["masking=strict"])
    index = task_of(run.config).index(run.tokenizers, "val", tmp_path / "index")
    losses = TranslationEvaluator(
        task_of(run.config).predictor(run.model, run.tokenizers), run.config.task, run.config.data.batch
    ).losses(index)
    loss = losses.metrics["loss"]
    assert loss == pytest.approx(summary["val"]["loss"], rel=1e-5)
    assert loss < 4.6  # nats; a guess among 160 pieces costs 5.1


def test_xla_compiles_greedy_search() -> None:
    tokenizer = WordTokenizer([f"w{n}" for n in range(VOCABULARY - 4)], Normalizer())
    options = SearchConfig(name=SearchName.greedy, max_length_ratio=1.0, max_length_offset=3)

    def find(policy: MaskingPolicy, batch: Batch, compiled: bool) -> SearchResult:
        translator = Translator(build("luong", policy), tokenizer, tokenizer, options)
        return tf.function(translator.find, jit_compile=compiled)(batch.source_ids, batch.source_length)

    expected, found = (
        find(MaskingPolicy.strict, batch_of(examples()), False),
        find(MaskingPolicy.static, static_batch(), True),
    )
    rows, _, longest = expected.ids.shape
    np.testing.assert_array_equal(found.lengths[:rows], expected.lengths)
    np.testing.assert_array_equal(found.ids[:rows, :, :longest], expected.ids)
    assert_close(found.scores[:rows], expected.scores)
    assert found.ids.shape[2] == static_batch().source_ids.shape[1] + 3
