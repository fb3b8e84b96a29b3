from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.metrics.metric import MetricOrder
from seq2seq.randomness import draw_key, drawing
from seq2seq.training.early_stopping import EarlyStopping
from seq2seq.training.optim.optimizers import SGD, Adam
from seq2seq.training.optim.schedules import Constant, Plateau
from seq2seq.training.reports.metrics_log import read_metrics
from seq2seq.training.reports.observer import Observer
from seq2seq.training.reports.progress import ProgressBar, ProgressLines, progress
from seq2seq.training.reports.tensorboard import TensorBoard
from seq2seq.training.step import TrainStep

from .toy_task import BATCH, EXAMPLES, Batch, Loss, ToyModel, ToyTask, make_loop


class ScriptedTask(ToyTask):
    """Validations give the values of a script."""

    order = MetricOrder.of("bleu", ["loss"])

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.values = iter(values)

    def validate(self, model: ToyModel) -> dict[str, float]:
        return {"loss": 1.0, "bleu": next(self.values)}


def test_a_model_is_prepared_once(tmp_path: Path) -> None:
    loop = make_loop(tmp_path, max_steps=4)
    loop.run()
    assert loop._task.prepared is loop._model
    again = make_loop(tmp_path, max_steps=8)
    again.run()
    assert not hasattr(again._task, "prepared")  # what a checkpoint holds


def test_one_graph_for_all_shapes(tmp_path: Path) -> None:
    loop = make_loop(tmp_path, checkpoint_every=0, validate_every=30)
    loop.run()
    widths = {part.source_ids.shape for epoch in range(3) for ((part,),) in loop._task.batches(epoch, 0)}
    assert len(widths) > 5
    assert loop.step.traces == 1


def test_training_learns(tmp_path: Path) -> None:
    make_loop(tmp_path, max_steps=None, max_epochs=9, validate_every=0, checkpoint_every=0).run()
    losses = [
        record["val_loss"] for record in read_metrics(tmp_path / "metrics.jsonl") if "val_loss" in record
    ]
    assert losses[-1] < 0.7 * losses[0]


def test_reports_hold_the_means_over_tokens(tmp_path: Path) -> None:
    """Against a loop written out, with plain gradient descent."""
    task, model = ToyTask(), ToyModel()
    totals, tokens, norms = [], [], []
    for number, ((batch,),) in enumerate(task.batches(0, 0)):
        with drawing(draw_key(0, number)), tf.GradientTape() as tape:
            loss = task.loss(model, batch, True)
            mean = loss.total / loss.tokens
        # Dense first: TensorFlow takes the norm of sparse gradients without adding up the rows of one word.
        gradients = list(map(tf.convert_to_tensor, tape.gradient(mean, model.trainable_variables)))
        norms.append(tf.linalg.global_norm(gradients).numpy())
        for variable, gradient in zip(model.trainable_variables, gradients):
            variable.assign_sub(0.1 * gradient)
        totals.append(loss.total.numpy())
        tokens.append(loss.tokens.numpy())

    loop = make_loop(
        tmp_path, max_steps=8, optimizer=SGD(Constant(0.1)), clip_norm=None, average=None, plateau=None,
        validate_every=100,
    )  # fmt: skip
    loop.run()
    first, second, _ = read_metrics(tmp_path / "metrics.jsonl")
    for record, part in ((first, slice(0, 4)), (second, slice(4, 8))):
        assert record["loss"] == pytest.approx(sum(totals[part]) / sum(tokens[part]), rel=1e-5)
        assert record["cross_entropy"] == record["loss"]
        assert record["perplexity"] == pytest.approx(np.exp(record["loss"]))
        assert record["gradient_norm"] == pytest.approx(np.mean(norms[part]), rel=1e-4)
        assert record["learning_rate"] == pytest.approx(0.1)
        assert record["tokens_per_second"] > record["sentences_per_second"] > 0
        assert record["memory"] > 100
    assert (first["step"], first["epoch"], second["step"]) == (4, 1, 8)


def test_a_broken_loss_stops_the_run_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    order = np.random.default_rng((7, 1)).permutation(EXAMPLES)  # as in ToyTask, epoch 1
    poison = int(order[2 * BATCH])
    make_loop(tmp_path / "sound", max_steps=12, validate_every=12).run()

    class PoisonedLater(ToyTask):
        """The example is sound in the first epoch."""

        def batches(self, epoch: int, skip: int) -> tf.data.Dataset:
            data = super().batches(epoch, skip)
            if epoch:
                return data
            return data.map(lambda turn: ((turn[0]._replace(example_ids=turn[0].example_ids + 1000),),))

    loop = make_loop(tmp_path / "run", task=PoisonedLater(poison), validate_every=12)
    with pytest.raises(UserError) as error:
        loop.run()
    message = str(error.value)
    assert message.startswith("At step 13 (epoch 2, batch 3) the loss is nan and")
    assert "lower optimizer.learning_rate" in message
    assert f"{tmp_path / 'run'}/checkpoints/step-00000012." in message
    ids = order[2 * BATCH : 3 * BATCH].tolist()
    assert f"(counted from 0: {', '.join(map(str, ids))})" in message
    assert f"counted from 0: {ids}" in caplog.text

    sound = make_loop(tmp_path / "sound", max_steps=12, validate_every=12)
    sound.run()
    for one, other in zip(loop._model.trainable_variables, sound._model.trainable_variables):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(loop._optimizer.slots[0][0], sound._optimizer.slots[0][0])
    np.testing.assert_array_equal(loop._average.averages[0], sound._average.averages[0])
    assert loop._optimizer.step.numpy() == 12


def test_a_finite_loss_with_a_broken_gradient_is_not_applied() -> None:
    model = ToyModel()
    model.kernel.assign(tf.zeros_like(model.kernel))

    def loss(model: ToyModel, batch: Batch, training: bool) -> Loss:
        total = tf.reduce_sum(tf.sqrt(model.kernel))  # 0, and the derivative of the root is infinite there
        return Loss(total, total, tf.constant(1.0))

    optimizer = Adam(Constant(0.1))
    optimizer.build(model.trainable_variables)
    report = TrainStep(model=model, loss=loss, optimizer=optimizer)(((tf.constant(0),),))
    assert report.loss == 0.0
    assert not report.finite
    np.testing.assert_array_equal(model.kernel, tf.zeros_like(model.kernel))


def test_early_stopping_ends_the_run_and_the_best_is_found(tmp_path: Path) -> None:
    loop = make_loop(
        tmp_path,
        task=ScriptedTask([10.0, 12.0, 11.0, 12.0]),
        early_stopping=EarlyStopping(patience=2, order=ScriptedTask.order),
        plateau=None,
    )
    result = loop.run()
    assert result.reason == "no better bleu in 2 validations"
    assert (result.step, result.best_step, result.best_metrics["bleu"]) == (24, 12, 12.0)
    assert loop._checkpoints.find("best").step == 12
    assert loop._checkpoints.find("latest").step == 24
    again = make_loop(
        tmp_path,
        task=ScriptedTask([]),
        early_stopping=EarlyStopping(patience=2, order=ScriptedTask.order),
        plateau=None,
    )
    assert again.run().step == 24


def test_a_plateau_lowers_the_rate_of_the_next_step(tmp_path: Path) -> None:
    make_loop(
        tmp_path,
        task=ScriptedTask([10.0, 9.0, 8.0, 11.0, 11.0]),
        optimizer=Adam(Constant(0.08)),
        plateau=Plateau(factor=0.5, patience=1, order=ScriptedTask.order),
        report_every=2,
    ).run()
    rates = {
        record["step"]: record["learning_rate"]
        for record in read_metrics(tmp_path / "metrics.jsonl")
        if "loss" in record
    }
    expected = {step: 0.08 if step <= 12 else 0.04 if step <= 18 else 0.02 for step in range(2, 31, 2)}
    assert rates == pytest.approx(expected)


def test_validation_sees_the_average_and_training_does_not(tmp_path: Path) -> None:
    seen = []

    class Watching(ToyTask):
        def validate(self, model: ToyModel) -> dict[str, float]:
            seen.append(model.kernel.numpy())
            return super().validate(model)

    loop = make_loop(tmp_path, task=Watching(), max_steps=6)
    loop.run()
    kernel = [variable is loop._model.kernel for variable in loop._model.trainable_variables].index(True)
    np.testing.assert_array_equal(seen[0], loop._average.averages[kernel])
    assert np.abs(seen[0] - loop._model.kernel).max() > 1e-3
    model = ToyModel(seed=2)
    loop._checkpoints.restore_weights(model, "best")
    np.testing.assert_array_equal(model.kernel, seen[0])


def test_validations_come_after_each_epoch_by_default(tmp_path: Path) -> None:
    make_loop(tmp_path, validate_every=0, max_steps=23).run()
    steps = [record["step"] for record in read_metrics(tmp_path / "metrics.jsonl") if "val_loss" in record]
    assert steps == [10, 20, 23]


def test_hidden_random_state_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    model = ToyModel()

    def loss(model: ToyModel, batch: tf.Tensor, training: bool) -> Loss:
        total = tf.map_fn(lambda row: tf.reduce_sum(row * tf.random.uniform([])), model.kernel)
        return Loss(tf.reduce_sum(total), tf.constant(1.0), tf.constant(1.0))

    optimizer = SGD(Constant(0.1))
    optimizer.build(model.trainable_variables)
    TrainStep(model=model, loss=loss, optimizer=optimizer)(((tf.constant(0),),))
    assert "draws from RandomUniform" in caplog.text
    assert "The loss does not depend on" in caplog.text


def test_no_warning_of_draws_by_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_loop(tmp_path, max_steps=2).run()
    assert "draws from" not in caplog.text


def test_an_end_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_steps or max_epochs"):
        make_loop(tmp_path, max_steps=None)


def test_tensorboard_holds_the_records(tmp_path: Path) -> None:
    make_loop(tmp_path, observers=[TensorBoard(tmp_path / "tensorboard")]).run()
    (file,) = (tmp_path / "tensorboard").iterdir()
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            found[value.tag, event.step] = tf.make_ndarray(value.tensor).item()
    for record in read_metrics(tmp_path / "metrics.jsonl"):
        tag, name = ("train/loss", "loss") if "loss" in record else ("validation/loss", "val_loss")
        assert found[tag, record["step"]] == pytest.approx(record[name], rel=1e-6)


def test_progress_is_lines_where_there_is_no_terminal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from rich.console import Console

    lines = progress(Console(force_terminal=False))
    assert isinstance(lines, ProgressLines)
    with caplog.at_level(logging.INFO):
        make_loop(tmp_path, observers=[lines], max_steps=8).run()
    records = read_metrics(tmp_path / "metrics.jsonl")
    assert f"epoch 1 · step 4/8 · loss {records[0]['loss']:.4f} · perplexity" in caplog.text
    assert f"epoch 1 · step 6 · validation: loss {records[1]['val_loss']:.4f} · perplexity" in caplog.text


def test_progress_is_a_bar_on_a_terminal(tmp_path: Path) -> None:
    import io

    from rich.console import Console

    screen = io.StringIO()
    bar = progress(Console(file=screen, force_terminal=True, width=120, color_system=None))
    assert isinstance(bar, ProgressBar)
    make_loop(tmp_path, observers=[bar], max_steps=None, max_epochs=2).run()
    shown = screen.getvalue()
    assert "step 20/20" in shown
    assert "epoch 2 · step 20 · loss" in shown
    assert "tokens/s" in shown


def test_every_observer_is_closed_even_if_one_fails(tmp_path: Path) -> None:
    closed = []

    class Closing(Observer):
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)
            raise UserError(self.name)

    with pytest.raises(UserError):
        make_loop(tmp_path, observers=[Closing("a"), Closing("b")], max_steps=1).run()
    assert sorted(closed) == ["a", "b"]


def test_what_the_check_refuses_makes_no_step(tmp_path: Path) -> None:
    seen = []

    def check(batch: Batch) -> None:
        seen.append(len(batch.example_ids))
        if len(seen) == 3:
            raise UserError("the third")

    loop = make_loop(tmp_path, max_steps=5, check=check)
    with pytest.raises(UserError, match="the third"):
        loop.run()
    assert loop.position.step == 2
