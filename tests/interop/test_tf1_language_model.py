"""Whole language models of TensorFlow 1 become runs that give each token the probability that it had there."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from seq2seq import cli
from seq2seq.errors import UserError
from seq2seq.interop.tf1_language_model import convert_language_model
from seq2seq.keras2 import rnn_cell
from seq2seq.runs.use import Run, load_run
from tests.closeness import assert_close
from tests.layers.tf1_cells import v1

WORDS = ["the", "<unk>", "cat", "<eos>", "dog", "runs"]
TEXT = ["the", "cat", "<eos>", "dog", "<unk>", "runs", "<eos>", "the"]
EMBEDDING, UNITS, LAYERS = 6, 5, 2


class Model(NamedTuple):
    prefix: Path
    log_probs: np.ndarray  # [T, V], before each token of TEXT
    arrays: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """As TensorFlow's tutorial has it, with an optimizer's slots: begins after the end of a line."""
    folder = tmp_path_factory.mktemp("tf1")
    (folder / "words.txt").write_text("".join(f"{word}\n" for word in WORDS))
    ids = [WORDS.index(word) for word in ["<eos>", *TEXT[:-1]]]
    with tf.Graph().as_default(), v1.Session() as session, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # every class of TensorFlow 1 warns of its age
        with v1.variable_scope("Model", initializer=v1.random_normal_initializer(seed=3)):
            embedding = v1.get_variable("embedding", [len(WORDS), EMBEDDING])
            cells = [rnn_cell.BasicLSTMCell(UNITS, forget_bias=0.5) for _ in range(LAYERS)]
            inputs = tf.nn.embedding_lookup(embedding, [ids])
            outputs, _ = v1.nn.dynamic_rnn(rnn_cell.MultiRNNCell(cells), inputs, dtype=tf.float32)
            projection = v1.get_variable("softmax_w", [UNITS, len(WORDS)])
            logits = outputs[0] @ projection + v1.get_variable("softmax_b", [len(WORDS)])
        v1.train.AdamOptimizer().minimize(tf.reduce_sum(logits))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(folder / "model.ckpt"))
        log_probs = session.run(tf.nn.log_softmax(logits))
        arrays = session.run({variable.op.name: variable for variable in v1.trainable_variables()})
    return Model(folder / "model.ckpt", log_probs, arrays)


@pytest.fixture(scope="module")
def converted(there: Model) -> tuple[Run, list[str]]:
    output, vocabulary = there.prefix.parent / "run", there.prefix.parent / "words.txt"
    lines = convert_language_model(there.prefix, output, vocabulary=vocabulary, forget_bias=0.5)
    return load_run(output), lines


def test_each_token_has_the_probability_of_before(there: Model, converted: tuple[Run, list[str]]) -> None:
    run, lines = converted
    tokenizer = run.tokenizers.target
    names = {"<eos>": "</s>"}
    places = [
        tokenizer.pieces(range(tokenizer.vocabulary_size)).index(names.get(word, word)) for word in WORDS
    ]
    reader = run.stateful()
    for row, word in zip(there.log_probs, TEXT):
        before = reader.state
        step = reader.generate_step()
        assert_close(step.log_probs[0, places], row)
        assert max(np.delete(step.log_probs[0], places)) < -1e8
        reader.state = before
        reader.score_next_ids([[places[WORDS.index(word)]]])
    assert lines[0] == "Model/embedding → embedding"
    scope = "Model/rnn/multi_rnn_cell/cell_1/basic_lstm_cell"
    assert f"{scope} → encoder/forward_1, 5 units, 5 inputs" in lines


def test_it_is_a_run_like_any_other(there: Model, converted: tuple[Run, list[str]]) -> None:
    run, _ = converted
    expected = sum(row[WORDS.index(word)] for row, word in zip(there.log_probs, TEXT[:7]))
    assert sum(run.score(["the cat", "dog zebra runs"])) == pytest.approx(expected, rel=1e-5)
    (text,) = run.generate(["the cat"])
    assert text.startswith("the cat")


def test_characters_without_an_embedding_from_a_file_of_numpy(there: Model, tmp_path: Path) -> None:
    """One-hot vectors, and a projection that is stored the other way about; layers in the order that is named."""
    characters = ["b", "\n", " ", "a"]
    rng = np.random.default_rng(1)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    cell = "rnnlm/lstm_cell"
    arrays = {
        f"{cell}/kernel": normal(4 + 3, 20),
        f"{cell}/bias": normal(20),
        f"{cell}/projection/kernel": normal(5, 3),
    }
    arrays |= {"softmax/w": normal(4, 3), "softmax/b": normal(4), "global_step": np.array(7)}
    np.savez(tmp_path / "model.npz", **arrays)
    (tmp_path / "characters.json").write_text(json.dumps(characters))
    names: dict[str, Any] = {"vocabulary": tmp_path / "characters.json", "kind": "character"}
    convert_language_model(tmp_path / "model.npz", tmp_path / "run", **names)
    run = load_run(tmp_path / "run")
    h, c, total = np.zeros(3), np.zeros(5), 0.0
    text = "ab a\n"
    for read, written in zip("\n" + text, text):
        x = np.concatenate([np.eye(4)[characters.index(read)], h])
        i, g, f, o = np.split(x @ arrays[f"{cell}/kernel"] + arrays[f"{cell}/bias"], 4)
        c = sigmoid(f + 1.0) * c + sigmoid(i) * np.tanh(g)
        h = (sigmoid(o) * np.tanh(c)) @ arrays[f"{cell}/projection/kernel"]
        logits = arrays["softmax/w"] @ h + arrays["softmax/b"]
        total += logits[characters.index(written)] - np.log(np.exp(logits).sum())
    (scores,) = run.stateful().score_next([text])
    assert_close(scores.sum(), total)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (
            ["a", "b"],
            {},
            r"an embedding \[2, 6\] for the 2 tokens of the vocabulary is not there; .* it holds",
        ),
        (["a", "b", "a"], {}, "has 'a' twice; each token has one id"),
        ([], {}, "is no list of tokens"),
        (
            WORDS,
            {"scopes": [f"Model/rnn/multi_rnn_cell/cell_{n}/basic_lstm_cell" for n in (1, 0)]},
            "above .*cell_1.* a layer has 5 units, 5 inputs. Name the layers in their order by --scope",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    there: Model, words: list[str], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "words").write_text("".join(f"{word}\n" for word in words))
    with pytest.raises(UserError, match=message):
        convert_language_model(there.prefix, tmp_path / "run", vocabulary=tmp_path / "words", **options)
    assert not (tmp_path / "run").exists()


def test_tables_of_one_shape(there: Model, tmp_path: Path) -> None:
    """The embedding is told by its name; where no name tells, both are named."""
    arrays = {name.replace("Model/", ""): array for name, array in there.arrays.items()}
    arrays["other"], arrays["more"] = arrays["embedding"], arrays["softmax_w"]
    np.savez(tmp_path / "model.npz", **arrays)
    words = there.prefix.parent / "words.txt"
    with pytest.raises(
        UserError, match=r"an output projection \[5, 6\] .* is one of more, softmax_w; beside"
    ):
        convert_language_model(tmp_path / "model.npz", tmp_path / "run", vocabulary=words)


def test_command(there: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, run = there.prefix.parent / "words.txt", there.prefix.parent / "run"

    def refused(*arguments: object) -> str:
        with pytest.raises(SystemExit) as end:
            cli.main(["convert-tf1", str(there.prefix), "--vocabulary", str(words), *map(str, arguments)])
        assert end.value.code == 2
        return capsys.readouterr().err

    assert "--vocabulary takes --output RUN, the run to make" in refused()
    assert "--vocabulary takes --output RUN" in refused("--output", run, "--layer", "a")
    (tmp_path / "there").mkdir()
    assert "exists already; a run is made anew" in refused("--output", tmp_path / "there")
