"""A task small enough to train a hundred steps in a blink, with dropout, so that random state matters.

Run as a program it trains in the folder of its first argument, and kills itself after the step of its second.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq import randomness
from seq2seq.metrics.metric import MetricOrder, Validation
from seq2seq.training.checkpoints.store import CheckpointStore
from seq2seq.training.loop import TrainingLoop
from seq2seq.training.loop_options import LoopOptions
from seq2seq.training.optim.moving_average import MovingAverage
from seq2seq.training.optim.optimizers import Adam
from seq2seq.training.optim.schedules import InverseSquareRoot, Plateau
from seq2seq.training.patience import Patience
from seq2seq.training.reports.metrics_log import MetricsLog
from seq2seq.training.reports.observer import Observer
from seq2seq.training.step import StepOptions

VOCABULARY = 11
EXAMPLES = 37
BATCH = 4


class Batch(NamedTuple):
    example_ids: tf.Tensor
    source_ids: tf.Tensor
    source_length: tf.Tensor
    target_inputs: tf.Tensor
    target_outputs: tf.Tensor
    target_length: tf.Tensor


class Loss(NamedTuple):
    total: tf.Tensor
    cross_entropy: tf.Tensor
    tokens: tf.Tensor


class ToyModel(tf.Module):
    """Predicts target words from the mean of the source's embeddings and the word before."""

    def __init__(self, seed: int = 1, units: int = 8) -> None:
        super().__init__()
        draw = np.random.default_rng(seed)
        self.embedding = tf.Variable(
            draw.normal(size=(VOCABULARY, units)), dtype=tf.float32, name="embedding"
        )
        self.kernel = tf.Variable(draw.normal(size=(units, VOCABULARY)), dtype=tf.float32, name="kernel")
        self.bias = tf.Variable(np.zeros(VOCABULARY), dtype=tf.float32, name="bias")

    def __call__(self, batch: Batch, training: bool) -> tf.Tensor:
        """Logits [B, T, V]."""
        mask = tf.sequence_mask(batch.source_length, tf.shape(batch.source_ids)[1], dtype=tf.float32)
        source = tf.gather(self.embedding, batch.source_ids) * mask[:, :, tf.newaxis]  # [B, S, D]
        memory = tf.reduce_sum(source, axis=1) / tf.reduce_sum(mask, axis=1, keepdims=True)  # [B, D]
        hidden = tf.gather(self.embedding, batch.target_inputs) + memory[:, tf.newaxis]  # [B, T, D]
        if training:
            hidden *= tf.cast(randomness.uniform(tf.shape(hidden)) > 0.3, tf.float32) / 0.7
        return tf.tensordot(hidden, self.kernel, 1) + self.bias


class ToyTask:
    order = MetricOrder.of("loss")

    def __init__(self, poison: int | None = None) -> None:
        """`poison`: the example whose loss is NaN."""
        self.poison = poison
        draw = np.random.default_rng(0)
        self.lengths = draw.integers(1, 9, size=EXAMPLES)
        self.texts = [draw.integers(4, VOCABULARY, size=length).tolist() for length in self.lengths]
        self.batches_asked: list[tuple[int, int]] = []

    def prepare(self, model: Any) -> None:
        self.prepared = model

    def steps_per_epoch(self, epoch: int) -> int:
        return -(-EXAMPLES // BATCH)

    def batch(self, numbers: np.ndarray) -> Batch:
        width = max(self.lengths[numbers])
        source = np.zeros((len(numbers), width), np.int32)
        for row, number in zip(source, numbers):
            row[: self.lengths[number]] = self.texts[number]
        ends = np.zeros((len(numbers), 1), np.int32)
        outputs = np.concatenate([source, ends], axis=1)
        outputs[np.arange(len(numbers)), self.lengths[numbers]] = 3
        inputs = np.concatenate([ends + 2, source], axis=1)
        lengths = self.lengths[numbers].astype(np.int32)
        return Batch(numbers.astype(np.int64), source, lengths, inputs, outputs, lengths + 1)

    def batches(self, epoch: int, skip: int) -> tf.data.Dataset:
        self.batches_asked.append((epoch, skip))
        order = np.random.default_rng((7, epoch)).permutation(EXAMPLES)
        plan = [order[start : start + BATCH] for start in range(0, EXAMPLES, BATCH)][skip:]
        matrix, vector = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)
        return tf.data.Dataset.from_generator(
            lambda: (((self.batch(numbers),),) for numbers in plan),
            output_signature=(
                (Batch(tf.TensorSpec([None], tf.int64), matrix, vector, matrix, matrix, vector),),
            ),
        )

    def loss(self, model: ToyModel, batch: Batch, training: bool) -> Loss:
        logits = model(batch, training)
        mask = tf.sequence_mask(batch.target_length, tf.shape(logits)[1], dtype=tf.float32)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(batch.target_outputs, logits) * mask
        total = tf.reduce_sum(entropy)
        if self.poison is not None:
            total += tf.where(tf.reduce_any(batch.example_ids == self.poison), float("nan"), 0.0)
        return Loss(total, total, tf.reduce_sum(mask))

    def tokens(self, batch: Batch) -> int:
        return int(np.sum(batch.source_length) + np.sum(batch.target_length))

    def validate(self, model: ToyModel) -> Validation:
        total, _, tokens = self.loss(
            model, Batch(*map(tf.constant, self.batch(np.arange(EXAMPLES)))), training=False
        )
        loss = float(total / tokens)
        return Validation({"loss": loss, "perplexity": float(np.exp(loss))})


def make_loop(run: Path, task: ToyTask | None = None, **changes: object) -> TrainingLoop:
    """A loop over new objects, as a new process would make it, with every part that has a state."""
    task = task or ToyTask()
    observers = [MetricsLog(run / "metrics.jsonl"), *changes.pop("observers", [])]
    parts = {
        "task": task,
        "model": ToyModel(),
        "optimizer": Adam(InverseSquareRoot(0.05, warmup_steps=5)),
        "checkpoints": CheckpointStore(run / "checkpoints", keep=3),
        "average": MovingAverage(0.9),
        "plateau": Plateau(factor=0.5, patience=1, min_delta=0.05, order=ToyTask.order),
        "early_stopping": Patience(patience=50, order=ToyTask.order),
        "observers": observers,
    }
    when = {"max_steps": 30, "report_every": 4, "validate_every": 6, "checkpoint_every": 5}
    changed = {name: changes.pop(name) for name in LoopOptions.__dataclass_fields__ if name in changes}
    step = {"clip_norm": 1.0}
    step |= {name: changes.pop(name) for name in StepOptions.__dataclass_fields__ if name in changes}
    parts |= {"options": LoopOptions(**{**when, **changed}), "step": StepOptions(**step)}
    run.mkdir(parents=True, exist_ok=True)
    return TrainingLoop(**{**parts, **changes})


class Killer(Observer):
    """Does something right after step `at`, before anything else hears of that step."""

    def __init__(self, at: int, deed: object) -> None:
        self.at = at
        self.deed = deed

    def advance(self, *, step: int, **_: object) -> None:
        if step == self.at:
            self.deed()


def main() -> None:
    run, at = Path(sys.argv[1]), int(sys.argv[2])
    make_loop(run, observers=[Killer(at, lambda: os.kill(os.getpid(), signal.SIGKILL))]).run()


if __name__ == "__main__":
    main()
