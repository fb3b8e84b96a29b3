"""`generate`, `score` and `embed` of a language model, on a run that was trained for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.cli.writing import write_vectors
from seq2seq.config.compose import compose
from seq2seq.errors import UserError
from seq2seq.runs.train import train
from seq2seq.runs.use import load_run
from tests.closeness import assert_close
from tests.tasks.test_language_model import LINES, options


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("generating")
    return str(train(compose([*options(folder), f"run_dir={folder / 'run'}"])))


def test_the_same_seed_writes_the_same_texts(run_cli: Any, run: str) -> None:
    drawn = ("generate", run, "--prompt", "the dog", "--n", "4", "--temperature", "0.9", "--top-p", "0.95")
    first = run_cli(*drawn, "--seed", "3")
    assert first.code == 0
    lines = first.out.splitlines()
    assert len(lines) == 4 and all(line.startswith("the dog") for line in lines)
    assert run_cli(*drawn, "--seed", "3") == first
    assert run_cli(*drawn, "--seed", "4").out != first.out
    assert run_cli("generate", run, "--top-k", "1", "--prompt", "a").out == (
        run_cli("generate", run, "--temperature", "0", "--prompt", "a").out
    )


def test_a_text_is_as_long_as_it_may_be(run_cli: Any, run: str) -> None:
    for most in (1, 3):
        longest = run_cli("generate", run, "--prompt", "the dog", "--n", "9", "--max-length", str(most)).out
        assert max(len(line.split()) for line in longest.splitlines()) == 2 + most


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prompt", "a\nb"], "--prompt: is more than a line, and a language model writes one; give one"),
        (["--temperature", "0", "--n", "2"], "--n 2: --temperature 0 writes one text, the likeliest"),
        (["--top-p", "1.5"], "search.top_p=1.5: must be above 0 and at most 1"),
        (["--n", "0"], "Invalid value for '--n'"),
        (["model.encoder.units=3"], "model.encoder.units=3: a trained run takes search"),
    ],
)
def test_what_cannot_be_generated(run_cli: Any, run: str, arguments: list[str], message: str) -> None:
    outcome = run_cli("generate", run, *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err


def test_scores_of_lines_and_of_tokens(run_cli: Any, run: str, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("".join(f"{line}\n" for line in (*LINES[:2], "")))
    values = [float(line) for line in run_cli("score", run, str(text)).out.splitlines()]
    assert len(values) == 3 and max(values) < 0
    rows = [line.split("\t") for line in run_cli("score", run, str(text), "--tokens").out.splitlines()]
    assert [piece for number, piece, _ in rows if number == "2"] == ["the", "dog", "sleeps", "</s>"]
    for number, value in enumerate(values, start=1):
        tokens = [float(log_prob) for line, _, log_prob in rows if line == str(number)]
        assert sum(tokens) == pytest.approx(value, abs=1e-4)


def test_vectors_are_states_after_whole_lines(run_cli: Any, run: str, tmp_path: Path) -> None:
    text, output = tmp_path / "text", tmp_path / "new" / "vectors.npy"
    lines = [LINES[0], "", *LINES[1:]]
    text.write_text("".join(f"{line}\n" for line in lines))
    assert run_cli("embed", run, str(text), "--output", str(output)) == (0, "", "")
    vectors = np.load(output)
    assert vectors.shape == (len(lines), 5) and vectors.dtype == np.float32 and not vectors[1].any()
    loaded = load_run(run)
    for line, vector in zip(lines, vectors):
        ids = [loaded.tokenizers.target.start_id, *loaded.tokenizers.target.encode([line])[0]]
        states = loaded.model.read(tf.constant([ids]), tf.constant([len(ids)])).states
        if line:
            assert_close(vector, states[-1].h[0])
    printed = [row.split("\t") for row in run_cli("embed", run, str(text)).out.splitlines()]
    np.testing.assert_allclose(np.array(printed, np.float32), vectors, rtol=1e-6)
    means = [
        row.split("\t") for row in run_cli("embed", run, str(text), "--pooling", "mean").out.splitlines()
    ]
    ids = [loaded.tokenizers.target.start_id, *loaded.tokenizers.target.encode([LINES[2]])[0]]
    outputs = loaded.model.read(tf.constant([ids]), tf.constant([len(ids)])).outputs
    np.testing.assert_allclose(np.array(means[3], np.float32), outputs[0, 1:].numpy().mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "message"), [("vectors", "name a file that ends in .npy"), ("file/vectors.npy", "--output")]
)
def test_where_vectors_cannot_be_written(
    run_cli: Any, run: str, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "file").touch()
    outcome = run_cli("embed", run, "--output", str(tmp_path / name), stdin=b"a dog\n")
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err


def test_vectors_are_written_as_they_come_and_nothing_is_left_of_some(tmp_path: Path) -> None:
    def vectors() -> Iterator[np.ndarray]:
        for _ in range(10_000):
            yield np.ones(3, np.float32)
        (unfinished,) = tmp_path.rglob("vectors.npy")
        assert unfinished.parent != tmp_path / "new" and unfinished.stat().st_size > 100_000
        raise UserError("the input ended")

    with pytest.raises(UserError, match="the input ended"):
        write_vectors(vectors(), tmp_path / "new" / "vectors.npy")
    assert not list(tmp_path.rglob("*.npy"))


def test_a_file_too_many_is_one_sentence(run_cli: Any, run: str, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("a\n")
    outcome = run_cli("score", run, str(text), str(text))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.endswith("scores TEXT, and 2 files were given: seq2seq score RUN TEXT\n")
