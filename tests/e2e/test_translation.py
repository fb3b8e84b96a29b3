"""The way of a user: train, evaluate, predict, score, go on, and be refused; on a handful of pairs, learnt by heart."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.e2e.commands import seq2seq

SAMPLE = Path(__file__).parents[2] / "data" / "translation"
PAIRS = 48


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for side in ("en", "de"):
        lines = (SAMPLE / f"train.{side}").read_text(encoding="utf-8").splitlines()[:PAIRS]
        (folder / f"a.{side}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def data(corpus: Path) -> list[str]:
    files = [f"data.{split}.{side}=a.{name}" for split in ("train", "val", "test")
             for side, name in (("source", "en"), ("target", "de"))]  # fmt: skip
    return [
        "data=parallel_text",
        f"data.root={corpus}",
        *files,
        "data.tokenizer.kind=word",
        "data.batch.type=examples",
        "data.batch.size=16",
    ]


SMALL = [
    "model.embedding.size=48",
    "model.embedding.dropout=0",
    "model.encoder.units=48",
    "model.decoder.units=96",
    "model.decoder.attention.layer_size=48",
    "optimizer.learning_rate=0.01",
    "training.validate_every=1000",
    "training.epochs=60",
    "task.label_smoothing=0",
]


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("runs") / "small"
    assert seq2seq("train", *data(corpus), *SMALL, f"run_dir={run_dir}") == 0
    return run_dir


def test_learns_its_examples_by_heart(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    assert summary["test"]["bleu"] > 95.0
    assert set(summary["signatures"]) == {"bleu", "chrf"}
    files = {"config.yaml", "metrics.jsonl", "summary.json"}
    folders = {"tokenizer", "checkpoints", "tensorboard", "plots", "predictions"}
    assert {path.name for path in run.iterdir()} >= files | folders
    assert (run / "plots" / "learning_curves.png").stat().st_size > 10_000


def test_evaluate_says_what_the_run_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seq2seq("evaluate", run, "--split", "test", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    summary = json.loads((run / "summary.json").read_text())
    assert found["test"] == pytest.approx(summary["test"], rel=1e-5)
    assert found["signatures"] == summary["signatures"]


def test_predict_from_stdin_and_files(
    run: Path,
    corpus: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    sources = (corpus / "a.en").read_text(encoding="utf-8")
    references = (corpus / "a.de").read_text(encoding="utf-8").splitlines()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(sources.encode())))
    assert seq2seq("predict", run, "-") == 0
    translations = capsys.readouterr().out.splitlines()
    assert sum(a == b for a, b in zip(translations, references)) > 0.9 * PAIRS

    command = [
        "predict",
        run,
        corpus / "a.en",
        "search=beam",
        "--n-best",
        "2",
        "--scores",
        "--alignments",
        tmp_path / "a",
    ]
    assert seq2seq(*command) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == [str(n) for n in range(1, PAIRS + 1) for _ in range(2)]
    assert [row[2] for row in rows[::2]] == translations
    assert all(float(first[1]) >= float(second[1]) for first, second in zip(rows[::2], rows[1::2]))
    assert len(list((tmp_path / "a").iterdir())) == PAIRS


def test_score_prefers_the_translation(
    run: Path, corpus: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.de"
    lines = (corpus / "a.de").read_text(encoding="utf-8").splitlines()
    wrong.write_text("".join(f"{line}\n" for line in reversed(lines)), encoding="utf-8")
    scores = []
    for target in (corpus / "a.de", wrong):
        assert seq2seq("score", run, corpus / "a.en", target) == 0
        scores.append([float(line) for line in capsys.readouterr().out.split()])
    assert sum(right > other for right, other in zip(*scores)) > 0.9 * PAIRS


def test_goes_on_and_averages(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = (run / "config.yaml").read_text()
    steps = json.loads((run / "summary.json").read_text())["steps"]
    assert seq2seq("train", f"run_dir={run}", "training.epochs=61", "training.plots=false") == 0
    assert json.loads((run / "summary.json").read_text())["steps"] == steps + PAIRS // 16
    assert (run / "config.yaml").read_text() == config
    assert seq2seq("average", run, "--last", "2") == 0
    assert seq2seq("evaluate", run, "--checkpoint", "average-2") == 0
    assert "bleu" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("model.encoder.units=64", "model.encoder.units=64 (was 48)"),
        ("data.batch.size=8", "data.batch.size=8 (was 16)"),
    ],
)
def test_refuses_another_model_or_other_data(
    run: Path, override: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert seq2seq("train", f"run_dir={run}", override) == 2
    assert named in capsys.readouterr().err
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == before


@pytest.mark.slow
def test_a_start_that_failed_decides_nothing(corpus: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "again"
    wrong = ["data.val.target=missing.de", "data.tokenizer.kind=character"]
    assert seq2seq("train", *data(corpus), *wrong, f"run_dir={run_dir}") == 2
    short = ["training.max_steps=1", "training.plots=false"]
    assert seq2seq("train", *data(corpus), *SMALL, *short, f"run_dir={run_dir}") == 0
    assert json.loads((run_dir / "tokenizer" / "shared.json").read_text())["kind"] == "word"
