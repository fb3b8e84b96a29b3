"""A run that begins with another one's weights begins exactly where that one was, and goes on bit for bit as if it were
never stopped, wherever that other run has gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.runs.train import train
from seq2seq.runs.use import Run, load_run
from seq2seq.text.matching import CommonPieces
from seq2seq.training.loop import TrainingLoop
from seq2seq.training.transfer import Transfer
from tests import tones
from tests.contracts.variants import VARIANTS, VOCABULARY, build
from tests.runs.tiny import LINES, OPTIONS, write_corpus

ALL = CommonPieces(np.arange(VOCABULARY), np.arange(VOCABULARY), VOCABULARY)


@pytest.mark.parametrize("name", VARIANTS)
def test_everything_of_a_model_gives_its_outputs(name: str) -> None:
    here, there, draw = build(name), build(name), np.random.default_rng(1)
    for variable in there.trainable_variables:
        variable.assign_add(0.1 * draw.normal(size=variable.shape))
    transfer = Transfer()
    for part in here.parts():
        assert transfer.take(here.parts()[part], there.parts()[part], lambda *_: ALL).left == []
    source, length = draw.integers(4, VOCABULARY, (3, 6)), np.array([6, 4, 1])
    arguments = source, length, draw.integers(4, VOCABULARY, (3, 5))
    np.testing.assert_array_equal(here(*arguments), there(*arguments))
    assert all(mask.all() for mask in transfer.masks(here.trainable_variables))


STEPS, FROZEN = 5, 2
SHORT = ["training.tensorboard=false", f"training.max_steps={STEPS}", "training.report_every=1"]
RANDOM = ["training.ema_decay=0.5", "training.accumulate=2", "optimizer=adamw", "optimizer.clip_norm=0.1"]
PLAIN = [option for option in OPTIONS if not option.startswith(("model.", "data.tokenizer"))]


@pytest.fixture(autouse=True, scope="module")
def without_evaluation() -> Iterator[None]:
    """At the end of a run, where it has no part in any of this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seq2seq.runs.train._finish", lambda *arguments: None)
        yield


class StoppedError(Exception):
    """As if the process were gone."""


def stopped(options: list[str], monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """A run that is gone when a method of the loop is called."""

    def stop(*arguments: object) -> None:
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, method, stop)
        with pytest.raises(StoppedError):
            train(compose(options))


def last(run: Path, step: int = STEPS, what: str = "training") -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(run / "checkpoints" / f"step-{step:08d}" / what))
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    }


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(array, found[name], err_msg=name)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [f"data.root={write_corpus(tmp_path_factory.mktemp('corpus'))[-1].partition('=')[2]}"]


@pytest.fixture(scope="module")
def parent(data: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "parent"
    options = ["model.encoder.layers=2", "optimizer.learning_rate=0.05", "training.max_steps=3"]
    return train(compose([*OPTIONS, *SHORT, *data, *options, f"run_dir={folder}"]))


def answers(run: Run) -> list[tuple[list[str], list[float]]]:
    return [(answer.texts, answer.scores) for answer in run.predict(LINES, n_best=1)]


def test_a_run_begins_where_the_other_is(
    parent: Path, data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*PLAIN, *data, f"init={parent}", f"run_dir={tmp_path / 'child'}"]
    stopped(options, monkeypatch, "_train")
    child, other = load_run(tmp_path / "child", checkpoint="latest"), load_run(parent)
    assert child.checkpoint == "step-00000000"
    assert child.config.model == other.config.model
    assert [one.fingerprint for one in child.tokenizers] == [one.fingerprint for one in other.tokenizers]
    assert_equal(last(tmp_path / "child", 0, "weights"), last(parent, int(other.checkpoint[5:]), "weights"))
    assert answers(child) == answers(other)


@pytest.mark.slow
def test_it_goes_on_exactly_without_the_other(
    parent: Path, data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before its first update and in its course, the second time with everything asked for again."""
    passing = Path(shutil.copytree(parent, tmp_path / "parent"))
    slowly = [f"init.freeze_steps={FROZEN}", "init.rate=0.3"]
    options = [*PLAIN, *data, *SHORT, *RANDOM, *slowly, f"init={passing}", "data.tokenizer.kind=word"]
    options += ["model.encoder.layers=3", "training.validate_every=1000"]
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    train(compose([*options, f"run_dir={unbroken}"]))
    stopped([*options, f"run_dir={broken}"], monkeypatch, "_train")
    shutil.rmtree(passing)
    train(compose([*options, f"run_dir={broken}", "training.max_steps=3"]))
    train(compose([*options, f"run_dir={broken}"]))
    assert_equal(last(broken), last(unbroken))


@pytest.fixture(scope="module")
def encoder_taken(parent: Path, data: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "child"
    taken = [f"init.encoder={parent}", f"init.freeze_steps={FROZEN}", "data.tokenizer.kind=word"]
    return train(compose([*PLAIN, *data, *SHORT, *taken, "model.embedding.tie=none", f"run_dir={folder}"]))


def test_what_was_taken_waits_and_moves_then(parent: Path, encoder_taken: Path) -> None:
    theirs = load_run(parent)
    before = last(parent, int(theirs.checkpoint[5:]), "weights")
    taken = [name for name in before if name.startswith("model/encoder/")]
    assert len(taken) > 15
    paths = {step: last(encoder_taken, step, "weights") for step in range(1, STEPS + 1)}
    for step in range(1, STEPS):  # the rate of the last one is nothing
        for name in [*taken, "model/source_embedding/table/.ATTRIBUTES/VARIABLE_VALUE"]:
            waits = np.array_equal(paths[step][name], paths[1][name])
            assert waits is (step <= FROZEN), (name, step)
            if step == 1 and name in taken:
                np.testing.assert_array_equal(paths[step][name], before[name])
        kernel = "model/decoder/attention_layer/kernel/.ATTRIBUTES/VARIABLE_VALUE"
        assert step == 1 or not np.array_equal(paths[step][kernel], paths[step - 1][kernel])


@pytest.mark.slow
def test_speech_begins_where_the_other_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tones.data(tones.write_corpus(tmp_path))
    short = [option for option in OPTIONS if option.startswith(("training.", "task."))]
    corpus = ["model.features.normalization=corpus", "data.tokenizer.kind=word"]
    parent = train(compose([*data, *tones.SMALL, *short, *corpus, f"run_dir={tmp_path / 'parent'}"]))
    plain = [option for option in data if not option.startswith("data.tokenizer")]
    stopped([*plain, *short, f"init={parent}", f"run_dir={tmp_path / 'child'}"], monkeypatch, "_train")
    child, other = load_run(tmp_path / "child", checkpoint="latest"), load_run(parent)
    assert child.config.model == other.config.model
    assert_equal(last(tmp_path / "child", 0, "weights"), last(parent, int(other.checkpoint[5:]), "weights"))
