"""`masking=static` for speech: fixed shapes and empty rows change nothing, XLA compiles the whole training step, which
makes the update of the dynamic path, and greedy search; a run traces a graph per shape."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # compiles in half of the time

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.config.groups.masking import MaskingPolicy
from seq2seq.datasets.batches.speech import SPEECH_SIGNATURE, SpeechBatch
from seq2seq.runs.train import train
from seq2seq.runs.use import load_run
from seq2seq.tasks.loss import Loss
from seq2seq.tasks.speech.loss import speech_loss
from seq2seq.tasks.speech.model import SpeechModel
from seq2seq.tasks.speech.task import SpeechTask
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.training import loop
from seq2seq.training.step import TrainStep
from tests.closeness import assert_close
from tests.contracts.test_static import assert_same, make_trainer
from tests.tasks.test_speech import EXAMPLES, IMPOSSIBLE, batch_of, examples, with_empty
from tests.tiny_speech import TOKENIZER, tiny_config, tiny_model
from tests.tones import SMALL, TEXTS, data, write_corpus

AUGMENTED = [
    "model.spec_augment.frequency_masks=1",
    "model.spec_augment.frequency_width=4",
    "model.spec_augment.time_masks=1",
    "model.spec_augment.time_width=20",
    "model.spec_augment.time_warp=5",
]
DROPOUT = ["model.encoder.dropout=0.2", "model.encoder.output_dropout=0.2", "model.features.dither=1e-3"]


def loss(model: SpeechModel, batch: SpeechBatch, training: bool, augment_scale: float = 0.0) -> Loss:
    """With SpecAugment at a share of its widths: at 0 nothing is drawn that matters, and paths of other shapes can be
    compared."""
    return speech_loss(
        model,
        batch,
        training,
        ctc_weight=0.3,
        blank_id=TOKENIZER.pad_id,
        label_smoothing=0.1,
        augment_scale=tf.constant(augment_scale),
    ).joint


def dynamic_batch() -> SpeechBatch:
    return batch_of(examples(*EXAMPLES, IMPOSSIBLE))


def static_batch() -> SpeechBatch:
    """The same, with more padding, garbage in it, and empty rows below."""
    return with_empty(batch_of(examples(*EXAMPLES, IMPOSSIBLE), extra=700), 2)


@functools.cache
def dynamic_update() -> list[np.ndarray]:
    return make_trainer(tiny_model(*AUGMENTED), loss, signature=(SPEECH_SIGNATURE,))(dynamic_batch())


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_fixed_shapes_make_the_update_of_the_dynamic_path(compiled: bool) -> None:
    expected = dynamic_update()
    static = make_trainer(tiny_model("masking=static", *AUGMENTED), loss, jit_compile=compiled)
    before = [variable.numpy() for variable in static.variables]
    tf.config.run_functions_eagerly(not compiled)
    try:
        updated = static(static_batch())
    finally:
        tf.config.run_functions_eagerly(False)
    assert_same(updated, expected)
    assert sum(np.any(one != two) for one, two in zip(before, updated[1:])) > len(before) / 2


@pytest.mark.slow
def test_xla_draws_augmentation_and_dropout_again() -> None:
    model = tiny_model("masking=static", *AUGMENTED, *DROPOUT)
    trainer = make_trainer(model, functools.partial(loss, augment_scale=1.0), jit_compile=True)
    start = [variable.numpy() for variable in trainer.variables]

    def update(step: int) -> np.ndarray:
        """The report from the weights of the start, after so many updates."""
        for variable, value in zip(trainer.variables, [step, *start[1:]]):
            variable.assign(value)
        return trainer(static_batch())[0]

    first = update(0)
    np.testing.assert_array_equal(update(0), first)
    assert abs(update(1)[0] - first[0]) > 1e-4  # the loss: other masks
    assert trainer.step.traces == 1


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_xla_compiles_greedy_search(weight: float) -> None:
    """Of attention with CTC's prefix scores, and of CTC alone."""
    overrides = ["search=greedy", f"task.ctc_weight={weight}", "search.max_length_ratio=1"]

    def find(policy: MaskingPolicy, batch: SpeechBatch, compiled: bool) -> list[np.ndarray]:
        config, model = tiny_config(f"masking={policy}", *overrides), tiny_model(f"masking={policy}")
        transcriber = SpeechTask(config).transcriber(model, Tokenizers(TOKENIZER, TOKENIZER))

        @tf.function(jit_compile=compiled)
        def graph(waveforms: tf.Tensor, length: tf.Tensor) -> tuple[tf.Tensor, ...]:
            encoded = model.encode(waveforms, length)
            found = transcriber.find(encoded, tf.nn.log_softmax(model.ctc_logits(encoded)))
            return found.ids, found.lengths, found.scores

        return [values.numpy() for values in graph(batch.waveforms, batch.waveform_length)]

    ids, lengths, scores = find(MaskingPolicy.strict, dynamic_batch(), compiled=False)
    found_ids, found_lengths, found_scores = find(MaskingPolicy.static, static_batch(), compiled=True)
    np.testing.assert_array_equal(found_lengths[: len(ids)], lengths)
    assert lengths.max() > 1
    longest = min(ids.shape[2], found_ids.shape[2])
    np.testing.assert_array_equal(found_ids[: len(ids), :, :longest], ids[:, :, :longest])
    assert_close(found_scores[: len(ids)], scores)


@pytest.mark.slow
def test_a_run_traces_a_graph_per_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[TrainStep] = []

    class Recorded(TrainStep):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            steps.append(self)

    monkeypatch.setattr(loop, "TrainStep", Recorded)
    static = ["masking=static", "masking.shapes=2", "data.augment.speeds=[0.8,1.0,1.25]", "training.epochs=8"]
    quiet = ["training.plots=false", "training.tensorboard=false", f"run_dir={tmp_path / 'run'}"]
    arguments = [*data(write_corpus(tmp_path)), *SMALL, *static, *quiet]
    train(compose(arguments))
    assert [step.traces for step in steps] == [2]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    found = load_run(tmp_path / "run", ["masking=strict"]).evaluate("val")
    assert found.metrics == pytest.approx(summary["val"], rel=1e-5)
    assert found.metrics["ctc_loss"] < 3.0


def test_shapes_hold_the_slowest_that_an_utterance_may_be_spoken(tmp_path: Path) -> None:
    static = ["masking=static", "masking.shapes=4", "data.augment.speeds=[0.8]", "data.batch.size=3"]
    config = compose([*data(write_corpus(tmp_path)), *SMALL, *static])
    task = SpeechTask(config)
    task = task.training(task.make_tokenizers(tmp_path), tmp_path)
    table = [line.split("\t")[0] for line in (tmp_path / "all.tsv").read_text().splitlines()[1:]]
    lengths = [len(soundfile.read(tmp_path / name)[0]) for name in table]
    seen: set[int] = set()
    for ((batch,),) in task.batches(0, 0):
        rows = batch.example_ids.numpy()
        for row, length in zip(rows[rows >= 0], batch.waveform_length.numpy()):
            assert abs(length - lengths[row] / 0.8) < 3
            seen.add(int(row))
        frames = tiny_model().features.frames(tf.shape(batch.waveforms)[1])
        assert int(frames) % 8 == 0
    assert seen == set(range(len(TEXTS)))
