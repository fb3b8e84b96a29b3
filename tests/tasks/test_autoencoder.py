"""The autoencoder: what is refused, what a run does, the vectors of its lines, and what it passes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.errors import ConfigError, UserError
from seq2seq.runs.check import report
from seq2seq.runs.export import export
from seq2seq.runs.train import train
from seq2seq.runs.use import Run, load_run
from seq2seq.serving.text_calls import padded_rows
from seq2seq.state import LSTMState
from seq2seq.tasks.table import task_of
from tests.closeness import assert_close
from tests.contracts.test_warm_start import stopped
from tests.runs.stopping import assert_ends_as_unbroken

LINES = [
    "a dog runs",
    "the dog sleeps",
    "a cat runs fast",
    "the cat sees the dog",
    "dogs run",
    "cats sleep and sleep",
]
SPLITS = ("train", "val", "test")
SIZES = [
    "data.tokenizer.kind=word",
    "data.batch.type=examples",
    "data.batch.size=2",
    "model.embedding.size=4",
    "model.encoder.units=6",
    "training.progress=false",
    "training.plots=false",
    "training.report_every=1",
    "training.max_steps=6",
    "training.validate_every=3",
]
AE = ["model.decoder.units=6", "model.decoder.attention.layer_size=4", "search.max_length_offset=4", *SIZES]


def options(folder: Path, **splits: list[str]) -> list[str]:
    """Of a run on lines, those above where none are given."""
    for split in SPLITS:
        lines = splits.get(split, LINES)
        (folder / f"{split}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    files = [f"data.root={folder}", *(f"data.{split}={split}.txt" for split in SPLITS)]
    return ["task=autoencoder", "data=text", *files, *AE]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("autoencoder")
    return load_run(train(compose([*options(folder), "training.plots=true", f"run_dir={folder / 'run'}"])))


# --- what is refused ---


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.decoder.attention.kind=luong", "could copy the line token by token"),
        ("model.bridge=zero", "the decoder would know nothing of the source"),
        ("data.max_target_length=3", "a line has one length; write data.max_source_length"),
        ("data.tokenizer.shared=false", "a line has one vocabulary"),
        ("data.tokenizer.target_model=m", "a line has one vocabulary; give data.tokenizer.source_model"),
        ("data.column=-1", "data.column=-1: must be at least 0"),
        ("task.noise.drop=1.5", "task.noise.drop"),
    ],
)
def test_keys_that_mean_nothing_are_refused(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compose([*options(tmp_path), override])
    assert message in str(refused.value)


def test_pairs_are_of_translation(tmp_path: Path) -> None:
    given = [text for text in options(tmp_path) if not text.startswith("data=")]
    with pytest.raises(ConfigError, match=r"data.format=tsv: task=autoencoder does not read it"):
        compose([*given, "data=tsv"])


def test_alignments_are_of_attention(run: Run) -> None:
    with pytest.raises(UserError, match="Alignments are of attention, and"):
        run.predict(["a"], alignments=True)


# --- a run ---


def test_what_a_run_leaves(run: Run) -> None:
    folder = run.folder.path
    summary = json.loads((folder / "summary.json").read_text())
    assert {"loss", "accuracy", "bleu", "chrf"} <= summary["test"].keys()
    assert not list((folder / "plots").glob("attention*"))
    records = (folder / "metrics.jsonl").read_text()
    assert "attention_on_last" not in records
    found = run.evaluate("test")
    assert found.sources == found.references == LINES


def test_a_run_that_is_stopped_ends_as_one_that_is_not(tmp_path: Path) -> None:
    noise = ["task.noise.drop=0.2", "task.noise.mask=0.2", "task.noise.shuffle=2"]
    assert_ends_as_unbroken([*options(tmp_path), *noise], tmp_path)


def test_noise_is_on_what_is_read_in_training_alone(tmp_path: Path) -> None:
    task = task_of(compose([*options(tmp_path), "task.noise.mask=0.9"]))
    tokenizers = task.make_tokenizers(tmp_path / "tokenizer")
    training: Any = task.training(tokenizers, tmp_path / "index")
    ((part,),) = next(training._stream.batches(0, 0))
    unknown = tokenizers.source.unknown_id
    assert np.any(part.source_ids == unknown)
    assert not np.any(part.target_outputs == unknown)
    assert not np.any(training._val.source.ids == unknown)


def test_check_tells_of_lines_that_are_in_training(tmp_path: Path) -> None:
    lines = list(report(compose(options(tmp_path, val=[LINES[0], "a bird sings"])), steps=False))
    (seen,) = (line for line in lines if "are in data.train as well" in line and "data.val" in line)
    assert f"such as {tmp_path}/val.txt, line 1" in seen


def test_it_is_exported_with_the_vectors_of_embed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poolings = {"embed": "last", "embed_mean": "mean", "embed_max": "max"}
    monkeypatch.setattr(run.config.export, "signatures", list(poolings))
    manifest = export(run, tmp_path / "exported" / "1").manifest
    assert {"translate_tokens", "score_tokens", "encode"} <= manifest["signatures"].keys()
    exported = tf.saved_model.load(str(tmp_path / "exported" / "1"))
    lines = ["", *LINES]
    ids, lengths = padded_rows(run.tokenizers.source.encode(lines), run.tokenizers.source.pad_id)
    for signature, pooling in poolings.items():
        found = exported.signatures[signature](ids=tf.constant(ids), lengths=tf.constant(lengths))["vector"]
        assert_close(found, np.array(list(run.embed(lines, pooling))), name=signature)


# --- vectors ---


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_a_vector_is_of_its_line_alone(run: Run, pooling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["", *LINES, "the the the the the the the"]
    together = np.array(list(run.embed(lines, pooling)))
    assert together.shape == (len(lines), 6) and together.dtype == np.float32
    assert not np.any(together[0])
    monkeypatch.setattr("tensorflow.function", None)  # one graph serves all calls
    for line, vector in zip(lines, together):
        assert_close(next(run.embed([line], pooling)), vector)


def test_a_vector_is_the_final_state(run: Run) -> None:
    (ids,) = run.tokenizers.source.encode([LINES[3]])
    encoded = run.model.encode(tf.constant([ids]), tf.constant([len(ids)]))
    assert_close(next(run.embed([LINES[3]])), encoded.states[-1].h[0])


# --- what it passes on ---


def heirs(folder: Path) -> dict[str, list[str]]:
    """By task, the data of a run that begins with the encoder."""
    rows = {
        "classification": [f"{line[-1]}\t{line}" for line in LINES],
        "translation": [f"{x}\t{x}" for x in LINES],
    }
    for task, lines in rows.items():
        (folder / f"{task}.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return {
        "classification": ["data=labelled_text"],
        "translation": ["data=tsv", "model.encoder.layer_norm=false"],
    }


@pytest.mark.parametrize("task", ["classification", "translation"])
def test_another_run_begins_with_its_encoder(run: Run, tmp_path: Path, task: str) -> None:
    """As good as before the first update its encoder makes of a line what the autoencoder's makes of it."""
    given = [f"task={task}", *heirs(tmp_path)[task], *SIZES, "model.encoder.bidirectional=false"]
    given += [f"data.{split}={tmp_path / task}.tsv" for split in SPLITS]
    given += ["training.max_steps=1", "training.validate_every=1", "optimizer.learning_rate=1e-12"]
    new = load_run(train(compose([*given, f"init.encoder={run.folder.path}", f"run_dir={tmp_path / 'new'}"])))
    for line in LINES:
        assert_close(next(new.embed([line])), next(run.embed([line])))


def test_another_run_begins_with_its_decoder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first update it makes of any state and tokens exactly the logits that the autoencoder's makes."""
    given = ["task=translation", *heirs(tmp_path)["translation"], *AE, "model.decoder.attention.kind=none"]
    given = [option for option in given if not option.startswith("data.tokenizer")]
    given += [f"data.{split}={tmp_path}/translation.tsv" for split in SPLITS]
    given += ["model.embedding.tie=target_output", f"data.tokenizer.run={run.folder.path}"]
    stopped([*given, f"init.decoder={run.folder.path}", f"run_dir={tmp_path / 'new'}"], monkeypatch, "_train")
    new = load_run(tmp_path / "new", checkpoint="latest")
    assert not new.config.model.decoder.input_feeding
    draw = np.random.default_rng(4)
    states = tuple(LSTMState(*draw.normal(size=(2, 2, 6)).astype(np.float32)) for _ in range(1))
    ids = tf.constant(draw.integers(4, run.tokenizers.target.vocabulary_size, (2, 5)), tf.int32)

    def logits(of: Run) -> np.ndarray:
        memory = of.model.decoder.prepare(tf.zeros([2, 1, of.model.encoder.depth]), tf.constant([1, 1]))
        features = of.model.decoder(of.model.target_embedding(ids), states, memory).features
        return of.model.output_projection(tf.reshape(features, [10, -1])).numpy()

    np.testing.assert_array_equal(logits(new), logits(run))
