"""What a run says of what it takes, and of what it cannot take."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from seq2seq.config.compose import compose
from seq2seq.config.root import TrainConfig
from seq2seq.config.saved import load
from seq2seq.errors import ConfigError, UserError
from seq2seq.keras2 import keras
from seq2seq.runs import warm_start
from seq2seq.runs.train import train
from seq2seq.runs.use import load_run
from seq2seq.runs.warm_start import Parent, take_weights
from seq2seq.tasks.table import task_of
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.text import Normalizer, WordTokenizer
from tests.tiny_speech import TOKENIZER, tiny_config, tiny_model

CORPUS = ("data=", "data.train", "data.val", "data.test", "data.batch", "data.root", "training.", "task.")


def plain(options: list[str]) -> list[str]:
    """The options of a run's data and length alone."""
    return [option for option in options if option.startswith(CORPUS)]


def said(config: TrainConfig, tokenizers: Tokenizers) -> list[str]:
    """What is said when a new model of this configuration takes its weights."""
    keras.utils.set_random_seed(5)
    return take_weights(config, tokenizers, task_of(config).model(tokenizers))


def test_all_of_it_is_said_in_a_line_for_each_part(options: list[str], finished: Path) -> None:
    run = load_run(finished)
    name = f"{finished} ({run.checkpoint})"
    lines = said(compose([*plain(options), f"init={finished}"]), run.tokenizers)
    assert lines == [
        f"The model is that of {name}.",
        f"embeddings: source embedding (all pieces) taken from {name}.",
        f"encoder: normalised inputs, layer 1 taken from {name}.",
        f"decoder: layer 1, attention, output bias (all pieces) taken from {name}.",
        f"rest: bridge taken from {name}.",
    ]


def test_what_is_not_taken_is_said_with_the_reason(options: list[str], finished: Path) -> None:
    run = load_run(finished)
    other = WordTokenizer(["dog", "sleeps", "bird"], Normalizer())
    asked = ["model.encoder.layers=2", "model.decoder.units=7", "model.decoder.attention.kind=bahdanau"]
    config = compose([*plain(options), f"init={finished}", *asked, "data.tokenizer.shared=true"])
    lines = said(config, Tokenizers(other, other))
    name = f"{finished} ({run.checkpoint})"
    assert lines[0] == (
        f"The model is that of {name} but for model.encoder.layers=2 (1 there), model.decoder.units=7 (4 there),"
        " model.decoder.attention.kind=bahdanau (luong there)."
    )
    assert lines[1] == f"embeddings: source embedding (6 of 7 pieces) taken from {name}."
    assert (
        lines[2] == f"encoder: normalised inputs, layer 1 taken from {name}; not taken: layer 2 (none there)."
    )
    assert lines[3].startswith(
        f"decoder: output bias (6 of 7 pieces) taken from {name}; not taken: cell of layer 1 (bias is 16 there, 28"
        " here), "
    )


def test_parts_come_from_several_runs(
    options: list[str], finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(warm_start, "_open", lambda path: opened.append(path) or real(path))
    asked = [
        f"init.encoder={finished}",
        f"init.decoder={finished}/checkpoints/step-00000002",
        f"init={finished}",
    ]
    lines = said(compose([*plain(options), *asked]), load_run(finished).tokenizers)
    assert [line.partition(":")[0] for line in lines if ":" in line] == ["encoder", "decoder", "rest"]
    assert "(step-00000002)" in lines[1]
    assert len(opened) == 2


real = warm_start._open


def refused(overrides: list[str]) -> str:
    with pytest.raises(UserError) as error:
        train(compose(overrides))
    sentence = str(error.value)
    assert "\n" not in sentence
    return sentence


def test_a_part_of_another_shape_is_refused(
    stand_ins: None, options: list[str], finished: Path, tmp_path: Path
) -> None:
    asked = [f"init.encoder={finished}", "model.encoder.units=5", "model.encoder.layer_norm=false"]
    sentence = refused([*plain(options), "data.tokenizer.kind=word", *asked, f"run_dir={tmp_path / 'child'}"])
    assert sentence.startswith(
        f"init.encoder={finished}: nothing of this run fits this model (encoder: forward of layer 1 (bias is 16 there,"
        " 20 here), backward of layer 1 (bias is 16 there, 20 here), norm of layer 1 (none here)); the models differ in"
        " model.encoder.units=5 (4 there), model.encoder.layer_norm=false (true there)."
    )
    assert not (tmp_path / "child").exists()


def test_a_run_of_another_shape_is_refused_part_by_part(
    stand_ins: None, options: list[str], finished: Path, tmp_path: Path
) -> None:
    sizes = ["model.encoder.units=5", "model.decoder.units=6", "model.embedding.size=7"]
    asked = [f"init={finished}", *sizes, "model.encoder.layer_norm=false"]
    sentence = refused([*plain(options), *asked, f"run_dir={tmp_path / 'child'}"])
    for part in ("embeddings: ", "encoder: ", "decoder: "):
        assert part in sentence


def test_a_run_of_another_task_is_refused(
    options: list[str], finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config("data.tokenizer.kind=character")
    speech = Parent(config, Tokenizers(TOKENIZER, TOKENIZER), tiny_model().parts(), "there")
    monkeypatch.setattr(warm_start, "_open", lambda path: speech)
    child = compose([*plain(options), f"init.encoder={finished}"])
    with pytest.raises(UserError, match="is a run of task=speech, of which nothing fits here") as error:
        said(child, load_run(finished).tokenizers)
    assert "\n" not in str(error.value)
    monkeypatch.setattr(warm_start, "_open", lambda path: speech._replace(parts={}))
    with pytest.raises(UserError, match=r"encoder: a run of task=speech has none"):
        said(child, load_run(finished).tokenizers)


def test_no_piece_in_common_is_refused(options: list[str], finished: Path) -> None:
    class Foreign(WordTokenizer):
        pad_id, unknown_id, start_id, end_id = -1, -2, -3, -4  # type: ignore[assignment]

    tokenizer = Foreign(["x"], Normalizer())
    tokenizer._pieces = list("vwxyz")
    config = compose([*plain(options), f"init.embeddings={finished}", "data.tokenizer.shared=true"])
    with pytest.raises(UserError, match=r"embeddings: source embedding \(0 of 5 pieces\)"):
        said(config, Tokenizers(tokenizer, tokenizer))


def test_a_checkpoint_that_there_is_not_is_named(
    stand_ins: None, options: list[str], finished: Path, tmp_path: Path
) -> None:
    asked = [f"init={finished}/checkpoints/step-9", f"run_dir={tmp_path / 'child'}"]
    assert refused([*plain(options), *asked]).startswith("There is no checkpoint 'step-9' in")
    assert not (tmp_path / "child").exists()


def test_a_run_that_has_begun_takes_nothing_more(stand_ins: None, finished: Path, run: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(ConfigError) as error:
        train(load(run, [f"init={finished}"]))
    assert error.value.problems == [
        f"init.everything={finished} (was null): {run} holds a run that has its weights already; `seq2seq train"
        f" {run}` goes on with it, and another run_dir begins anew"
    ]
    assert before == {path: path.read_bytes() for path in before}


def test_a_run_that_is_gone_before_the_first_update_is_named(
    options: list[str], finished: Path, tmp_path: Path
) -> None:
    config = compose([*plain(options), f"init={finished}"])
    config.init.everything = str(tmp_path / "gone")
    with pytest.raises(
        UserError, match="gone holds no run any more, and this run has not begun: put it back"
    ):
        said(config, load_run(finished).tokenizers)


def test_the_tokenizer_is_said_and_copied(
    stand_ins: None, options: list[str], finished: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    child = train(compose([*plain(options), f"init={finished}", f"run_dir={tmp_path / 'child'}"]))
    assert f"The shared tokenizer is that of {finished}." in caplog.messages
    assert not any("from new weights" in message for message in caplog.messages)
    for path in (finished / "tokenizer").iterdir():
        assert (child / "tokenizer" / path.name).read_bytes() == path.read_bytes()
