"""Runs that decide together: from the command line and from Python, and what does not go together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seq2seq.config.compose import compose
from seq2seq.errors import UserError
from seq2seq.runs.check import report
from seq2seq.runs.export import export
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.opened import find_checkpoint
from seq2seq.runs.train import train
from seq2seq.runs.use import load_run
from seq2seq.tasks.translation.task import TranslationTask
from tests.closeness import assert_close
from tests.e2e.commands import seq2seq
from tests.runs.tiny import LINES, OPTIONS, write_corpus
from tests.search.toy_language_model import Trigrams

BEAM = ["search=beam", "search.beam_width=3"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of the same text and tokenizers: two of other weights and sizes, and a third of another vocabulary."""
    folder = tmp_path_factory.mktemp("runs [best] #1")
    options = [*write_corpus(folder), "optimizer.schedule.name=constant", "optimizer.learning_rate=0.01"]
    others: tuple[list[str], ...] = (
        [],
        ["seed=2", "model.encoder.units=6"],
        ["data.tokenizer.lowercase=true"],
    )
    return [
        train(compose([*options, *more, f"run_dir={folder / name}"]))
        for name, more in zip(("a", "b", "other words"), others)
    ]


def figures(capsys: pytest.CaptureFixture[str], *arguments: Any) -> dict[str, float]:
    capsys.readouterr()
    assert seq2seq("evaluate", *arguments, "--json") == 0
    return dict(json.loads(capsys.readouterr().out)["test"])


def test_evaluate_takes_several_runs(runs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    a, b, _ = runs
    alone = figures(capsys, a, *BEAM)
    with_itself = figures(capsys, a, a, *BEAM)
    assert with_itself == pytest.approx(alone, rel=1e-6)
    both = figures(capsys, a, b, *BEAM)
    assert both["loss"] != pytest.approx(alone["loss"], rel=1e-4)
    names = [f"search.ensemble=[{b}]", "search.ensemble_mean=log_probability"]
    geometric = load_run(a, [*BEAM, f"search.ensemble={b}", names[1]])
    assert geometric.evaluate().metrics["loss"] != pytest.approx(both["loss"], rel=1e-6)
    used = find_checkpoint(RunFolder.open(b)).path.name
    checkpoint = next(path for path in (b / "checkpoints").glob("step-*") if path.name != used)
    assert figures(capsys, a, checkpoint, *BEAM)["loss"] != both["loss"]


def test_its_loss_is_the_log_of_mean_probabilities(runs: list[Path]) -> None:
    a, b, _ = runs
    both, one, other = load_run(a, [f"search.ensemble={b}"]), load_run(a), load_run(b)
    pairs = [("a dog runs", "a"), ("the cat sees the dog", "cats")]  # of one token and the end
    ends = [(source, "") for source, _ in pairs]  # of the end alone, whose probability is that of one step
    steps = [np.exp(list(run.score(ends))) for run in (one, other)]
    np.testing.assert_allclose(list(both.score(ends)), np.log(np.mean(steps, axis=0)), rtol=1e-5)
    assert list(both.score(pairs)) < [0.0, 0.0]


def test_what_does_not_go_together_is_said(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b, other = runs
    with pytest.raises(UserError) as vocabulary:
        load_run(a, [f"search.ensemble={other}"])
    assert str(vocabulary.value).startswith(f"search.ensemble: {other} (step-")
    assert "has another source and target tokenizer than" in str(vocabulary.value)
    assert str(vocabulary.value).endswith(f"train it with data.tokenizer.run={a}.")
    with pytest.raises(UserError, match=r"search.ensemble=.*nowhere: holds no run \(no config.yaml\)"):
        load_run(a, [f"search.ensemble={tmp_path / 'nowhere'}"])
    with pytest.raises(UserError, match="a run of task=translation is no language model"):
        load_run(a, [f"search.language_model={b}"])
    with pytest.raises(
        UserError, match=r"search\.ensemble=.*an export is of one model alone; write search.ens"
    ):
        export(load_run(a, [f"search.ensemble={b}"]), tmp_path / "1")
    for key in ("ensemble", "language_model"):
        config = compose([*write_corpus(tmp_path), f"search.{key}={b}", f"run_dir={tmp_path / 'new'}"])
        for start in (train, lambda config: list(report(config))):
            with pytest.raises(UserError, match=f"search.{key}=.*runs are trained and validated alone"):
                start(config)
    for argument, sentence in (
        (tmp_path / "nowhere", "holds no run (no config.yaml); RUN is a folder made by"),
        ("beam_width=3", "did you mean search.beam_width=3?"),
    ):
        assert seq2seq("evaluate", a, argument) == 2
        assert sentence in capsys.readouterr().err


def test_another_task_is_named(runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "labelled.tsv").write_text(
        "".join(f"x\t{line}\ny\t{line}\n" for line in LINES), encoding="utf-8"
    )
    options = [
        "task=classification",
        "data=labelled_text",
        f"data.root={tmp_path}",
        *(f"data.{split}=labelled.tsv" for split in ("train", "val", "test")),
        "model.embedding.size=4",
        "model.encoder.units=4",
        *(
            text
            for text in OPTIONS
            if text.startswith(("training.", "task.", "data.batch", "data.tokenizer"))
        ),
    ]
    labels = [
        train(compose([*options, f"seed={seed}", f"run_dir={tmp_path / str(seed)}"])) for seed in (1, 2)
    ]
    with pytest.raises(
        UserError, match=r"1 \(step-\d+\) is a run of task=classification, and .* of task=transl"
    ):
        load_run(runs[0], [f"search.ensemble={labels[0]}"])
    with pytest.raises(UserError, match="task=classification does not search"):
        load_run(labels[0], [f"search.language_model={runs[0]}"])
    alone, both = load_run(labels[0]), load_run(labels[0], [f"search.ensemble={labels[1]}"])
    losses = [run.evaluate().metrics["loss"] for run in (alone, load_run(labels[1]), both)]
    assert losses[2] < max(losses[:2])


def test_a_language_model_is_fused(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, other = runs
    model = load_run(a)
    vocabulary = model.tokenizers.target.vocabulary_size
    toy = Trigrams(vocabulary, model.tokenizers.target.start_id)
    monkeypatch.setattr(TranslationTask, "language_model", lambda task, model: toy)
    fusion = [*BEAM, "search.length_penalty=0", f"search.language_model={b}"]
    plain = list(load_run(a, fusion[:-1]).predict(LINES))
    zero = list(load_run(a, [*fusion, "search.language_model_weight=0"]).predict(LINES))
    assert [each.texts for each in zero] == [each.texts for each in plain]
    fused = load_run(a, [*fusion, "search.language_model_weight=3"])
    found = list(fused.predict(LINES))
    assert [each.texts for each in found] != [each.texts for each in plain]
    assert [each.texts for each in fused.evaluate().predictions] == [each.texts for each in found]
    with pytest.raises(
        UserError, match=r"has another vocabulary than the targets of .*a; train it with that run's"
    ):
        load_run(a, [f"search.language_model={other}"])


@pytest.fixture(scope="module")
def lm(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model of the vocabulary of the runs' targets."""
    tmp_path = tmp_path_factory.mktemp("lm")
    (tmp_path / "lines.txt").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    options = [
        *("task=language_model", "data=text", f"data.tokenizer.run={runs[0]}"),
        *(f"data.{split}={tmp_path / 'lines.txt'}" for split in ("train", "val")),
        *(
            "model.embedding.size=4",
            "model.encoder.units=4",
            "training.progress=false",
            "training.plots=false",
        ),
        *(
            "data.batch.type=examples",
            "data.batch.size=4",
            "training.max_steps=4",
            "training.validate_every=4",
        ),
    ]
    return train(compose([*options, f"run_dir={tmp_path / 'run'}"]))


@pytest.mark.parametrize("members", [[], [1]], ids=["one model", "an ensemble"])
def test_the_score_of_an_output_is_that_of_score(
    runs: list[Path], lm: Path, members: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ensemble = [f"search.ensemble={runs[other]}" for other in members]
    search = ["search=beam", "search.beam_width=4", "search.length_penalty=0", "search.max_length_offset=1"]
    fusion = [f"search.language_model={lm}", "search.language_model_weight=0.7"]
    alone, fused = load_run(runs[0], ensemble), load_run(runs[0], [*search, *fusion, *ensemble])
    language_model = load_run(lm)
    tokenizer, limit, outputs = fused.tokenizers.target, fused.config.search, []
    for line in LINES:
        for text, score in zip(*next(iter(fused.predict([line], n_best=4)))[:2]):
            (ids,), (source,) = tokenizer.encode([text]), fused.tokenizers.source.encode([line])
            if len(ids) < int(limit.max_length_ratio * len(source)) + limit.max_length_offset:
                outputs.append((line, text, score))  # the end ended it, and not the limit
    pairs = [(line, text) for line, text, _ in outputs]
    scores = np.array([score for *_, score in outputs])
    parts = np.array([list(alone.score(pairs)), list(language_model.score([text for _, text in pairs]))])
    assert_close(list(fused.score(pairs)), scores)
    assert_close(parts[0] + 0.7 * parts[1], scores)

    (tmp_path / "pairs.tsv").write_text("".join("\t".join(pair) + "\n" for pair in pairs), encoding="utf-8")
    assert list(fused.examples_in(tmp_path / "pairs.tsv")) == pairs
    (tmp_path / "source").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    capsys.readouterr()
    arguments = [runs[0], tmp_path / "source", "--n-best", 4, "--parts", *search, *fusion, *ensemble]
    assert seq2seq("predict", *arguments) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert len(rows) == 4 * len(LINES)
    found = {(LINES[row["line"] - 1], row["text"]): row for row in rows}
    for pair, of_model, of_language_model, score in zip(pairs, *parts, scores):
        row = found[pair]
        assert row["parts"] == pytest.approx(
            {"model": of_model, "language_model": 0.7 * of_language_model}, rel=1e-4
        )
        assert row["score"] == pytest.approx(score, rel=1e-5)
        assert (row["length_penalty"], row["coverage"]) == (1.0, pytest.approx(0.0, abs=1e-5))
        assert len(row.get("members", [])) == len(members) + bool(members)
