"""Classification: what is refused, what a run does, and what it says of data and of its own failures."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seq2seq.config.compose import compose
from seq2seq.errors import ConfigError, UserError
from seq2seq.metrics.metric import MetricOrder
from seq2seq.runs.check import report
from seq2seq.runs.export import export
from seq2seq.runs.train import train
from seq2seq.runs.use import Run, load_run
from seq2seq.tasks.classification.signs import label_statistics, one_label
from seq2seq.tasks.classification.sizes import classification_sizes, epochs_and_least
from seq2seq.tasks.sizes import TextCounts
from seq2seq.tasks.table import task_of
from seq2seq.training.reports.signs import History
from tests.runs.stopping import assert_ends_as_unbroken

LINES = [
    "good\ta dog runs\twith a tab",
    "bad\tthe dog sleeps",
    "good\ta cat runs fast",
    "so so\tthe cat sees the dog",
    "bad\tdogs run",
    "good\tcats sleep and sleep and sleep",
]
SPLITS = ("train", "val", "test")


def options(folder: Path, **splits: list[str]) -> list[str]:
    """Of a run on labelled lines, those above where none are given."""
    for split in SPLITS:
        lines = splits.get(split, LINES)
        (folder / f"{split}.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [
        "task=classification",
        "data=labelled_text",
        f"data.root={folder}",
        *(f"data.{split}={split}.tsv" for split in SPLITS),
        "data.tokenizer.kind=word",
        "data.batch.size=2",
        "model.embedding.size=4",
        "model.encoder.units=4",
        "training.progress=false",
        "training.plots=false",
        "training.report_every=1",
        "training.max_steps=6",
        "training.validate_every=3",
        "task.examples_shown=2",
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("classification")
    config = compose([*options(folder), "training.plots=true", f"run_dir={folder / 'run'}"])
    return load_run(train(config))


# --- what is refused ---


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (
            {"train": [*LINES, "bad"]},
            "train.tsv, line 7: has no tab; write a label, a tab and a text on each line.",
        ),
        ({"train": ["\ttext", *LINES]}, "train.tsv, line 1: the label before the tab is empty."),
        ({"train": [*LINES, "", "bad\t "]}, "train.tsv, line 8: the text after the tab is empty."),
        (
            {"test": [*LINES[:2], "awful\tno"]},
            "test.tsv, line 3: the training data has no text with the label awful; it has bad, good, so so.",
        ),
        (
            {"train": ["bad\tx", "bad \ty"]},
            "train.tsv): all 2 texts have the label bad; there is nothing to learn from fewer than two labels.",
        ),
    ],
)
def test_bad_lines_are_one_sentence_with_file_and_line(tmp_path: Path, splits: Any, message: str) -> None:
    task = task_of(compose(options(tmp_path, **splits)))
    with pytest.raises(UserError) as refused:
        task.make_tokenizers(tmp_path / "tokenizer")
    assert str(refused.value).endswith(message)
    assert str(tmp_path) in str(refused.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search=beam", "search.name=beam: labels are not searched for"),
        ("search.scorers=[presence]", "search.scorers=[presence]: labels are not searched for"),
        ("task.scheduled_sampling.schedule=constant", "a classifier has no decoder"),
        ("task.lowercase_metric=true", "labels are compared as they are"),
        ("data.max_target_length=3", "a label has no length"),
        ("data.tokenizer.target_model=m", "labels have no tokenizer"),
        ("model.embedding.tie=target_output", "labels have no embedding"),
        (
            "model.decoder.units=3",
            "model.decoder.units: no such key; only task=translation or task=speech or task=autoencoder has it",
        ),
        (
            "task.metric=bleu",
            "task.metric=bleu: not measured by task=classification; valid: accuracy, macro_f1, loss",
        ),
    ],
)
def test_keys_that_mean_nothing_are_refused(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compose([*options(tmp_path), override])
    assert message in str(refused.value)


def test_output_dropout_has_nothing_to_do_with_the_last_state(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model.pooling=last takes none; write model.head.dropout"):
        compose([*options(tmp_path), "model.pooling=last", "model.encoder.output_dropout=0.1"])


# --- a run ---


def test_what_a_run_leaves(run: Run) -> None:
    folder = run.folder.path
    assert (folder / "tokenizer" / "labels.txt").read_text() == "bad\ngood\nso so\n"
    summary = json.loads((folder / "summary.json").read_text())
    assert {"loss", "accuracy", "macro_f1"} <= summary["test"].keys()
    assert (folder / "predictions" / "test.confusion.tsv").read_text().startswith("true \\ predicted\t")
    assert (folder / "plots" / "confusion.png").stat().st_size > 0
    assert (
        run.task.training(run.tokenizers, folder / "index").order.metrics
        == MetricOrder.of("accuracy", ("macro_f1", "loss")).metrics
    )


def test_predictions_are_in_order_and_every_line_has_one(run: Run) -> None:
    texts = ["", "a dog runs", " ", "xyzzy", "a dog runs and runs and runs and runs"]
    together = list(run.predict(texts, n_best=9))
    for text, prediction in zip(texts, together):
        (alone,) = run.predict([text], n_best=9)
        assert alone.texts == prediction.texts
        np.testing.assert_allclose(alone.scores, prediction.scores, rtol=1e-5)
        assert sorted(prediction.texts) == ["bad", "good", "so so"]
        assert prediction.scores == sorted(prediction.scores, reverse=True)
        assert np.exp(prediction.scores).sum() == pytest.approx(1.0, abs=1e-5)
    assert together[0].scores == together[2].scores
    assert run.classify(texts) == [prediction.texts[0] for prediction in together]
    assert run.classify(texts, n_best=2) == [prediction.texts[:2] for prediction in together]


def test_an_evaluation_is_what_its_predictions_say(run: Run) -> None:
    found = run.evaluate("test")
    labels = ["bad", "good", "so so"]
    assert found.references == [line.split("\t")[0] for line in LINES]
    assert found.sources[0] == "a dog runs\twith a tab"
    losses = [-one.log_probs[labels.index(true)] for one, true in zip(found.predictions, found.references)]
    assert found.metrics["loss"] == pytest.approx(np.mean(losses))
    right = [one.texts[0] == true for one, true in zip(found.predictions, found.references)]
    assert found.metrics["accuracy"] == pytest.approx(100 * np.mean(right))


def test_attention_and_timestamps_are_refused(run: Run) -> None:
    with pytest.raises(UserError, match="Alignments are of attention; a label has none"):
        run.predict(["a"], alignments=True)
    with pytest.raises(UserError, match="Timestamps are of speech; a label has none"):
        run.predict(["a"], timestamps=True)
    with pytest.raises(UserError, match="score is for task=translation"):
        run.score([("a", "b")])


def test_it_is_exported(run: Run, tmp_path: Path) -> None:
    manifest = export(run, tmp_path / "exported" / "1").manifest
    assert manifest["labels"] == ["bad", "good", "so so"]
    assert "search" not in manifest
    assert manifest["verification"]["examples"] >= 6
    assert {"classify", "classify_tokens", "encode", "tokenize"} <= manifest["signatures"].keys()


def test_a_run_that_is_stopped_ends_as_one_that_is_not(tmp_path: Path) -> None:
    random = ["model.head.dropout=0.3", "model.embedding.word_dropout=0.2"]
    assert_ends_as_unbroken([*options(tmp_path), *random], tmp_path)


def test_long_texts_are_cut_and_gzip_is_read(tmp_path: Path) -> None:
    given = options(tmp_path)
    (tmp_path / "train.tsv.gz").write_bytes(gzip.compress("".join(f"{line}\n" for line in LINES).encode()))
    task = task_of(compose([*given, "data.train=train.tsv.gz", "data.max_source_length=3"]))
    index = task.index(task.make_tokenizers(tmp_path / "tokenizer"), "train", tmp_path / "index")
    assert index.source.lengths.tolist() == [3, 3, 3, 3, 2, 3]
    sampled = task.training(task.make_tokenizers(tmp_path / "tokenizer"), tmp_path / "index")
    assert sampled._maker.max_source_length == 3


# --- what is said of data and training ---


def test_check_tells_labels_lengths_and_what_looks_wrong(tmp_path: Path) -> None:
    val = [LINES[0], "bad\tsomething else", "bad\tanother"]
    lines = list(report(compose(options(tmp_path, val=val)), steps=False))
    assert "train        6 texts" in lines
    assert "  labels     good 3 (50.0%), bad 2 (33.3%), so so 1 (16.7%)" in lines
    assert "note: data.val has no text with a label of the training data's: so so." in lines
    (seen,) = (line for line in lines if "are in data.train as well" in line and "data.val" in line)
    where = f"such as {tmp_path}/val.tsv, line 1"
    assert seen.startswith(f"note: 1 of 3 texts of data.val are in data.train as well, {where}")


def test_check_tells_labels_that_training_has_not_before_it_is_refused(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(UserError, match=r"val.tsv, line 1: the training data has no text with the label odd"):
        said.extend(report(compose(options(tmp_path, val=["odd\tx"])), steps=False))
    assert any("data.val has labels that the training data does not have: odd" in line for line in said)


def test_columns_the_wrong_way_round_are_a_note(tmp_path: Path) -> None:
    turned = [f"a text with number {n}\tgood" for n in range(9)]
    said = "\n".join(task_of(compose(options(tmp_path, train=turned))).faults_of_files())
    assert "data.train has 9 labels in 9 texts, such as a text with number 0: a line is a label" in said


def test_one_label_for_all_is_a_sign() -> None:
    references = ["a"] * 15 + ["b"] * 10
    assert label_statistics(["a"] * 25, references) == {"one_label": 1.0}
    assert label_statistics(references, references) == {"one_label": 15 / 25}
    assert label_statistics(["a"] * 25, ["a"] * 25) == {"one_label": 0.0}
    order = MetricOrder.of("accuracy")
    figures = [{"step": step, "signs/one_label": 1.0} for step in (400, 500)]
    said = one_label(History(order, 1000, figures))
    assert said is not None and said.startswith(
        "100% of the validation texts are given one and the same label"
    )
    assert one_label(History(order, 1000, [{**each, "signs/one_label": 0.6} for each in figures])) is None


def test_sizes_follow_the_data(tmp_path: Path) -> None:
    config = compose(options(tmp_path))
    amounts = [TextCounts(n, 20 * n, 8 * round(n**0.8), 100) for n in (1_000, 10_000, 100_000, 1_000_000)]
    decided = [classification_sizes(config, counts) for counts in amounts]
    for key in ("data.tokenizer.vocabulary_size", "data.batch.size", "model.encoder.units"):
        values = [each[key].value for each in decided]
        assert values == sorted(values) and values[0] < values[-1]
    dropout = [each["model.head.dropout"].value for each in decided]
    assert dropout == sorted(dropout, reverse=True)
    assert [epochs_and_least(counts)[0] for counts in amounts] == sorted(
        (epochs_and_least(counts)[0] for counts in amounts), reverse=True
    )
