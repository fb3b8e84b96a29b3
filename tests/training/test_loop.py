from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.metrics.metric import MetricOrder, Validation
from seq2seq.randomness import draw_key, drawing
from seq2seq.training.loop import TrainingLoop
from seq2seq.training.optim.optimizers import SGD, Adam
from seq2seq.training.optim.schedules import Constant, Plateau
from seq2seq.training.patience import Patience
from seq2seq.training.reports.metrics_log import read_metrics
from seq2seq.training.reports.observer import Observer
from seq2seq.training.reports.profiler import Profiler
from seq2seq.training.reports.tensorboard import TensorBoard
from seq2seq.training.step import StepReport, TrainStep

from .toy_task import BATCH, EXAMPLES, Batch, Loss, ToyModel, ToyTask, make_loop


class ScriptedTask(ToyTask):
    """Validations give the values of a script."""

    order = MetricOrder.of("bleu", ["loss"])

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.values = iter(values)

    def validate(self, model: ToyModel) -> Validation:
        return Validation({"loss": 1.0, "bleu": next(self.values)})


def test_a_model_is_prepared_once(tmp_path: Path) -> None:
    loop = make_loop(tmp_path, max_steps=4)
    loop.run()
    assert loop._task.prepared is loop._model
    again = make_loop(tmp_path, max_steps=8)
    again.run()
    assert not hasattr(again._task, "prepared")  # what a checkpoint holds


def test_time_that_is_up_ends_a_run_with_a_validation(tmp_path: Path) -> None:
    result = make_loop(tmp_path, max_steps=1000, validate_every=500, max_minutes=1e-6).run()
    assert (result.step, result.reason) == (1, "1e-06 minutes")
    assert "val_loss" in read_metrics(tmp_path / "metrics.jsonl")[-1]
    assert make_loop(tmp_path, max_steps=1000, max_minutes=1e-6).run().step == 1
    assert make_loop(tmp_path, max_steps=3, validate_every=500, max_minutes=60).run().step == 3


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
    averages = (one._state._average.averages[0] for one in (loop, sound))
    np.testing.assert_array_equal(*averages)
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
        early_stopping=Patience(patience=2, order=ScriptedTask.order),
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
        early_stopping=Patience(patience=2, order=ScriptedTask.order),
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
        def validate(self, model: ToyModel) -> Validation:
            seen.append(model.kernel.numpy())
            return super().validate(model)

    loop = make_loop(tmp_path, task=Watching(), max_steps=6)
    loop.run()
    kernel = [variable is loop._model.kernel for variable in loop._model.trainable_variables].index(True)
    np.testing.assert_array_equal(seen[0], loop._state._average.averages[kernel])
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

    class Checking(ToyTask):
        def check(self, batch: Batch) -> None:
            seen.append(len(batch.example_ids))
            if len(seen) == 3:
                raise UserError("the third")

    loop = make_loop(tmp_path, task=Checking(), max_steps=5, check_batches=True)
    with pytest.raises(UserError, match="the third"):
        loop.run()
    assert loop.position.step == 2


class Listening(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.started: list[dict] = []
        self.totals: list[tuple[int, int | None]] = []

    def start(self, **figures: object) -> None:
        self.started.append(figures)

    def advance(self, *, step: int, total_steps: int | None, **_: object) -> None:
        self.totals.append((step, total_steps))


class GrowingEpochs(ToyTask):
    """Epochs of 3, 4 and 5 batches."""

    def steps_per_epoch(self, epoch: int) -> int:
        return 3 + epoch

    def batches(self, epoch: int, skip: int) -> tf.data.Dataset:
        return super().batches(epoch, skip).take(3 + epoch - skip)


def test_the_end_foreseen_is_never_passed_and_exact_in_the_last_epoch(tmp_path: Path) -> None:
    listening = Listening()
    make_loop(tmp_path, task=GrowingEpochs(), observers=[listening], max_steps=None, max_epochs=3).run()
    assert listening.started == [{"step": 0, "epoch": 1, "total_steps": 9}]
    expected = {**dict.fromkeys(range(1, 4), 9), **dict.fromkeys(range(4, 8), 11)}
    assert dict(listening.totals) == {**expected, **dict.fromkeys(range(8, 13), 12)}


@pytest.mark.parametrize("end", [{"max_steps": 12}, {"max_steps": None, "max_epochs": 1}], ids=str)
def test_an_end_before_the_checkpoint_trains_nothing(tmp_path: Path, end: dict) -> None:
    make_loop(tmp_path, max_steps=18).run()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    listening = Listening()
    result = make_loop(tmp_path, observers=[listening], **end).run()
    reason = "18 steps, beyond max_steps=12" if end["max_steps"] else "1 epochs"
    assert (result.step, result.reason, listening.started) == (18, reason, [])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_cadences_longer_than_the_run(tmp_path: Path) -> None:
    """There is a validation and a checkpoint at the end, and no report."""
    make_loop(tmp_path, max_steps=5, report_every=99, validate_every=99, checkpoint_every=99).run()
    (record,) = read_metrics(tmp_path / "metrics.jsonl")
    assert record["step"] == 5
    assert "val_loss" in record
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000005"]


def test_everything_after_each_step(tmp_path: Path) -> None:
    make_loop(tmp_path, max_steps=3, report_every=1, validate_every=1, checkpoint_every=1).run()
    records = read_metrics(tmp_path / "metrics.jsonl")
    assert [(record["step"], "loss" in record) for record in records] == [
        (step, report) for step in (1, 2, 3) for report in (True, False)
    ]


def test_early_stopping_counts_on_after_a_resume(tmp_path: Path) -> None:
    def loop(values: list[float], max_steps: int) -> TrainingLoop:
        stopping = Patience(patience=3, order=ScriptedTask.order)
        task = ScriptedTask(values)
        return make_loop(tmp_path, task=task, early_stopping=stopping, plateau=None, max_steps=max_steps)

    assert loop([10.0, 9.0], 12).run().reason == "12 steps"
    assert loop([9.0], 18).run().reason == "18 steps"
    result = loop([9.0], 60).run()
    assert (result.step, result.best_step) == (24, 6)
    assert result.reason == "no better loss in 3 validations".replace("loss", "bleu")


def test_a_report_where_every_update_was_skipped(tmp_path: Path) -> None:
    """As float16 does until its loss scale is low enough."""
    loop = make_loop(tmp_path, max_steps=8, report_every=2, validate_every=8, checkpoint_every=0)
    reports = iter([(math.nan, False)] * 3 + [(2.0, True)] * 5)

    def step(parts: object, stop: bool) -> StepReport:
        loss, finite = next(reports)
        return StepReport(loss, loss, 1.0, 0.1, 10.0, 1024.0, finite, False)

    step.traces = 1
    loop.step = step
    loop.run()
    records = [record for record in read_metrics(tmp_path / "metrics.jsonl") if "val_loss" not in record]
    means = ("loss", "cross_entropy", "perplexity", "gradient_norm", "skipped_updates")
    found = [tuple(record.get(name) for name in means) for record in records]
    sound = (2.0, 2.0, math.exp(2.0), 1.0)
    assert found == [(None, None, None, None, 2), (*sound, 1), (*sound, None), (*sound, None)]


def test_tensorboard_takes_nulls_and_lists(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    board.start(step=0, epoch=1, total_steps=None)
    board.report({"step": 2, "loss": None, "memory_of_devices": [3.0, 4.0]})
    board.close()
    (file,) = tmp_path.iterdir()
    events = tf.compat.v1.train.summary_iterator(str(file))
    values = {
        value.tag: tf.make_ndarray(value.tensor).item() for event in events for value in event.summary.value
    }
    assert values == {"train/memory_of_devices/0": 3.0, "train/memory_of_devices/1": 4.0}


@pytest.mark.parametrize("first", [1, 5, 11, 60])
def test_a_profile_of_steps_that_are_not_all_made(tmp_path: Path, first: int) -> None:
    """The run ends within them, goes on within them, or has passed them."""
    for max_steps in (6, 12):
        profiler = Profiler(tmp_path / f"traces until {max_steps}", first, 100)  # each second has one name
        loop = make_loop(tmp_path, max_steps=max_steps, observers=[profiler])
        assert loop.run().step == max_steps
    traces = list(tmp_path.rglob("*.xplane.pb"))
    assert len(traces) == {1: 2, 5: 2, 11: 1, 60: 0}[first]
