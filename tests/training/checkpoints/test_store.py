from __future__ import annotations

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seq2seq import files
from seq2seq.errors import UserError
from seq2seq.training.checkpoints.averaging import average_last
from seq2seq.training.checkpoints.store import CheckpointStore
from tests.closeness import assert_close


class Model(tf.Module):
    def __init__(self, value: float = 0.0, shape: tuple[int, ...] = (3, 2)) -> None:
        super().__init__()
        self.kernel = tf.Variable(
            np.random.default_rng(int(value * 10)).normal(size=shape) + value, dtype=tf.float32
        )
        self.count = tf.Variable(int(value), dtype=tf.int64, trainable=False)


def save(store: CheckpointStore, step: int, **options: object) -> Model:
    model = Model(step)
    store.save(step=step, model=model, training={"model": model, "extra": tf.Variable(float(step))},
               state={"at": step}, **options)  # fmt: skip
    return model


def names(store: CheckpointStore) -> list[str]:
    return sorted(path.name for path in store.directory.iterdir())


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints", keep=2)


def damage(store: CheckpointStore, step: int, file: str) -> None:
    path = store.directory / f"step-{step:08d}" / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_restores_what_was_saved(store: CheckpointStore) -> None:
    save(store, 1)
    saved = save(store, 2, metrics={"bleu": 3.5}, best=True)
    model, extra = Model(), tf.Variable(0.0)
    checkpoint = store.restore_latest({"model": model, "extra": extra})
    np.testing.assert_array_equal(model.kernel, saved.kernel)
    assert extra.numpy() == 2.0
    assert (checkpoint.step, checkpoint.state, checkpoint.metrics) == (2, {"at": 2}, {"bleu": 3.5})


def test_an_empty_store_has_nothing_to_go_on_from(store: CheckpointStore) -> None:
    assert store.restore_latest({"model": Model()}) is None
    with pytest.raises(UserError, match="holds no checkpoint; train the run first"):
        store.find("best")


def test_keeps_milestones_the_best_and_the_newest_two(store: CheckpointStore) -> None:
    save(store, 1, best=True)
    save(store, 2, best=True)
    for step in (3, 4, 5):
        save(store, step)
    for step in (6, 7, 8):
        save(store, step, milestone=False)
    assert names(store) == [f"step-0000000{step}" for step in (2, 4, 5, 7, 8)]
    able_to_go_on = [path.parent.name[-1] for path in store.directory.glob("*/training.index")]
    assert sorted(able_to_go_on) == ["7", "8"]


def test_best_and_latest_and_named(store: CheckpointStore) -> None:
    best = save(store, 1, best=True)
    latest = save(store, 2)
    model = Model()
    assert store.restore_weights(model, "best").step == 1
    np.testing.assert_array_equal(model.kernel, best.kernel)
    assert store.restore_weights(model, "latest").step == 2
    np.testing.assert_array_equal(model.kernel, latest.kernel)
    assert store.find("step-00000001").step == 1
    assert store.find(store.directory / "step-00000001").step == 1
    with pytest.raises(
        UserError, match=r"no checkpoint 'other' .* there are: best, latest, step-00000001, step-"
    ):
        store.find("other")


def test_without_a_validation_best_is_the_newest(store: CheckpointStore) -> None:
    save(store, 1)
    save(store, 2)
    assert store.find("best").step == 2


@pytest.mark.parametrize("file", ["training.data-00000-of-00001", "training.index", "checkpoint.json"])
def test_a_damaged_checkpoint_is_passed_over(
    store: CheckpointStore, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    save(store, 1)
    save(store, 2)
    if file == "checkpoint.json":
        (store.directory / "step-00000002" / file).write_text('{"step": 2, "met')
    else:
        damage(store, 2, file)
    model, extra = Model(), tf.Variable(0.0)
    assert store.restore_latest({"model": model, "extra": extra}).step == 1
    assert extra.numpy() == 1.0
    assert "step-00000002" in caplog.text
    assert names(store) == ["damaged-step-00000002", "step-00000001"]
    save(store, 2)
    assert store.restore_latest({"model": model, "extra": extra}).step == 2


def test_a_missing_file_is_damage(store: CheckpointStore) -> None:
    save(store, 1)
    save(store, 2, best=True)
    (store.directory / "step-00000002" / "weights.index").unlink()
    assert store.find("best").step == 1
    with pytest.raises(UserError, match=r"step-00000002 is damaged: weights\.index is missing"):
        store.find("step-00000002")


def test_when_all_are_damaged_nothing_begins_anew(store: CheckpointStore) -> None:
    for step in (1, 2):
        save(store, step)
        damage(store, step, "training.data-00000-of-00001")
        damage(store, step, "weights.data-00000-of-00001")
    with pytest.raises(UserError, match="whole enough to go on from; give another run_dir"):
        store.restore_latest({"model": Model()})
    with pytest.raises(UserError, match=r"Every checkpoint in .* is damaged"):
        store.find("latest")


def test_weights_of_another_model_are_refused(store: CheckpointStore) -> None:
    save(store, 1)
    with pytest.raises(UserError, match="does not fit this model"):
        store.restore_weights(Model(shape=(4, 2)), "latest")

    class Larger(Model):
        def __init__(self) -> None:
            super().__init__()
            self.bias = tf.Variable([1.0])

    with pytest.raises(UserError, match="does not fit this model"):
        store.restore_weights(Larger(), "latest")


@pytest.mark.parametrize("moment", ["weights", "sync", "rename"])
def test_a_full_disk_leaves_the_earlier_checkpoints(
    store: CheckpointStore, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(store, 1, best=True)

    def no_room(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def no_room_in_tensorflow(*_: object, **__: object) -> None:
        message = "{{function_node x}} /runs/.writing/part-0; No space left on device [Op:SaveV2]"
        raise tf.errors.ResourceExhaustedError(None, None, message)

    with monkeypatch.context() as patch:
        if moment == "weights":
            patch.setattr(tf.train.Checkpoint, "write", no_room_in_tensorflow)
        elif moment == "sync":
            patch.setattr(files, "sync_to_disk", no_room)
        else:
            patch.setattr(Path, "rename", no_room)
        with pytest.raises(
            UserError,
            match=r"^The checkpoint step-00000002 \(.*\) could not .*: No space left on device; make room",
        ):
            save(store, 2)
    assert names(store) == ["step-00000001"]
    model = Model()
    store.restore_weights(model, "best")
    np.testing.assert_array_equal(model.kernel, saved.kernel)


def test_what_a_kill_left_half_written_is_ignored_and_removed(store: CheckpointStore) -> None:
    save(store, 1)
    shutil.copytree(store.directory / "step-00000001", store.directory / ".step-00000002.unfinished")
    assert store.find("latest").step == 1
    save(store, 2)
    assert names(store) == ["step-00000001", "step-00000002"]


def test_files_are_on_disk_before_the_name_is(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    rename = Path.rename
    monkeypatch.setattr(files, "sync_to_disk", lambda path: events.append(path.name))
    monkeypatch.setattr(Path, "rename", lambda path, to: events.append("rename") or rename(path, to))
    save(store, 1)
    synced = events[: events.index("rename")]
    assert {"weights.index", "training.index", "checkpoint.json", ".step-00000001.unfinished"} <= set(synced)
    assert events[-1] == "checkpoints"


def test_average_equals_numpy(store: CheckpointStore) -> None:
    store.keep = 3
    save(store, 1)
    models = [save(store, step) for step in (2, 3)]
    save(store, 4, milestone=False)
    models.append(save(store, 5))
    checkpoint = average_last(store, 3)
    assert (checkpoint.path.name, checkpoint.averaged_steps) == ("average-3", (2, 3, 5))
    model = Model()
    store.restore_weights(model, "average-3")
    expected = np.mean([model.kernel.numpy().astype(np.float64) for model in models], axis=0)
    assert_close(model.kernel, expected)
    assert model.count.numpy() == 5  # not averaged
    assert store.find("latest").step == 5
    average_last(store, 3)
    assert names(store).count("average-3") == 1


def test_average_of_more_than_there_are(store: CheckpointStore) -> None:
    save(store, 1)
    with pytest.raises(UserError, match=r"--last is 2, and .* holds 1 checkpoints to average"):
        average_last(store, 2)


def test_average_refuses_a_damaged_one(store: CheckpointStore) -> None:
    save(store, 1)
    save(store, 2)
    damage(store, 1, "weights.data-00000-of-00001")
    with pytest.raises(UserError, match="step-00000001 is damaged"):
        average_last(store, 2)
    assert "average-2" not in names(store)
