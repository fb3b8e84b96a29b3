"""A language model that remembers: whatever calls, rows and files lie between, it says what it says of the whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.search import SearchConfig
from seq2seq.errors import UserError
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.state import LSTMState
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.language_model.reading import ReadingState
from seq2seq.tasks.language_model.serving import LanguageModelServing
from seq2seq.tasks.language_model.serving_module import LanguageModelModule
from seq2seq.tasks.language_model.stateful import StatefulLanguageModel
from tests.closeness import assert_close
from tests.contracts.test_language_model import WORDS
from tests.contracts.variants import build_lm

NAME = "two residual layers, normalised, tied by an adapter"
TEXTS = ("a b c d\ne f\n\ng a", "h g f\nb")


def whole(model: LanguageModel, text: str) -> np.ndarray:
    """``[T]`` of a text that begins a row, from one call of the model."""
    lines = WORDS.encode(text.split("\n"))
    outputs = [token for ids in lines for token in (*ids, WORDS.end_id)][:-1]
    inputs = [token for ids in lines for token in (WORDS.start_id, *ids)][: len(outputs)]
    log_probs: np.ndarray = tf.nn.log_softmax(model(tf.constant([inputs]), tf.constant([len(inputs)])))[
        0
    ].numpy()
    return log_probs[np.arange(len(outputs)), outputs]


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return build_lm(NAME)


@pytest.fixture(scope="module")
def shared(model: LanguageModel) -> StatefulLanguageModel:
    return StatefulLanguageModel(model, WORDS)


@pytest.fixture
def reader(shared: StatefulLanguageModel) -> StatefulLanguageModel:
    """Of two rows, of which nothing was read; its graphs are there."""
    while shared.batch_size != 2:
        shared.state = tf.nest.map_structure(lambda part: tf.repeat(part[:1], 2, axis=0), shared.state)
    shared.reset_states()
    return shared


def test_calls_together_are_the_whole(model: LanguageModel, reader: StatefulLanguageModel) -> None:
    """Rows come together, alone, and in another order."""
    found = [reader.score_next(["a b", ""])]
    found.append([reader.score_next([" c d\ne"], rows=[0])[0], np.zeros(0)])
    second, first = reader.score_next(["h", "f\n"], rows=[1, 0])
    found += [[first, second], reader.score_next(["\ng a", "g f\nb"])]
    for parts, text in zip(zip(*found), TEXTS):
        assert_close(np.concatenate(parts), whole(model, text))


def test_a_row_begins_anew_and_the_other_goes_on(model: LanguageModel, reader: StatefulLanguageModel) -> None:
    reader.score_next(["a", "h"])
    reader.reset_states([0])
    first, second = reader.score_next(list(TEXTS[::-1]))
    assert_close(first, whole(model, TEXTS[1]))
    assert_close(second, whole(model, f"h {TEXTS[0]}")[1:])


def test_a_step_writes_what_comes_next(model: LanguageModel, reader: StatefulLanguageModel) -> None:
    """The likeliest tokens are those of the model, and scored they have the log-probabilities that they were given; a
    draw is a function of its generator."""
    reader.score_next(["a b", "h g"])
    begun = reader.state
    steps = [reader.generate_step() for _ in range(4)]
    ids = np.stack([step.ids for step in steps], axis=1)
    reader.state = begun
    scores = np.stack(reader.score_next_ids(ids.tolist()))
    assert_close(scores, np.stack([step.log_probs[[0, 1], step.ids] for step in steps], axis=1))
    allowed = np.delete(np.arange(len(steps[0].log_probs[0])), [WORDS.pad_id, WORDS.start_id])
    for step in steps:
        np.testing.assert_array_equal(step.ids, allowed[step.log_probs[:, allowed].argmax(axis=1)])

    def drawn(seed: int, temperature: float = 1.0) -> list[list[int]]:
        reader.state = begun
        draw = np.random.default_rng(seed)
        return [reader.generate_step(draw, temperature).ids.tolist() for _ in range(6)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(1, 1e-6)[:4] == ids.T.tolist()
    assert reader.decode([[5, WORDS.end_id, 6, 7], []])[0].split("\n")[1].split() == WORDS.pieces([6, 7])


def test_draws_have_the_probabilities_of_the_model(reader: StatefulLanguageModel) -> None:
    begun, draw = reader.state, np.random.default_rng(1)
    reader.state = tf.nest.map_structure(lambda part: tf.repeat(part[:1], 20_000, axis=0), begun)
    step = reader.generate_step(draw, temperature=2.0)
    weights = np.exp(step.log_probs[0] / 2.0)
    weights[[WORDS.pad_id, WORDS.start_id]] = 0.0
    counts = np.bincount(step.ids, minlength=len(weights))
    assert np.max(np.abs(counts / 20_000 - weights / weights.sum())) < 0.01


def test_a_state_is_kept_in_a_file(reader: StatefulLanguageModel, tmp_path: Path) -> None:
    reader.score_next(["a b", "h g\n"])
    reader.save_state(tmp_path / "state.npz")
    expected = reader.score_next(["c", "d e"])
    other = StatefulLanguageModel(build_lm(NAME), WORDS, 5)
    other.load_state(tmp_path / "state.npz")
    assert other.batch_size == 2
    for one, same in zip(other.score_next(["c", "d e"]), expected):
        assert_close(one, same)
    stranger = StatefulLanguageModel(build_lm("every option of the cell"), WORDS)
    with pytest.raises(UserError, match=r"state.layers is a tuple of 2, and there are 1 layers"):
        stranger.load_state(tmp_path / "state.npz")


def state(**changed: Any) -> ReadingState:
    parts = {
        "last": np.array([2], np.int32),
        "h": np.zeros([1, 4], np.float32),
        "c": np.zeros([1, 4], np.float32),
    }
    parts |= changed
    return ReadingState(parts["last"], (LSTMState(parts["h"], parts["c"]),) * 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda it: it.score_next(["a"]), "1 texts were given for 2 rows; give one for each."),
        (lambda it: it.score_next(["a"], rows=[2]), r"rows=\[2\]: must be from 0 to 1, each once at most"),
        (lambda it: it.reset_states([1, 1]), r"rows=\[1, 1\]: must be from 0 to 1, each once"),
        (lambda it: it.score_next_ids([[99], []]), "ids: 99 is no token; they are from 0 to"),
        (lambda it: it.generate_step(temperature=0.0), "temperature=0: must be above 0"),
        (lambda it: setattr(it, "state", state(last=np.array([2]))), "state.last is int64"),
        (lambda it: setattr(it, "state", state(last=np.array([-1], np.int32))), "state.last: -1 is no token"),
        (lambda it: setattr(it, "state", state(c=np.zeros([1, 5], np.float32))), r"state.layers\[0\].c has"),
        (lambda it: it.load_state(__file__), "holds no state, last, h, c as save_state writes them"),
        (lambda it: it.load_state("nowhere.npz"), "nowhere.npz: cannot be read"),
        (lambda it: StatefulLanguageModel(None, WORDS, 0), "batch_size=0: must be at least 1"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(
    reader: StatefulLanguageModel, call: Callable[[StatefulLanguageModel], Any], message: str
) -> None:
    before = [part.numpy() for part in tf.nest.flatten(reader.state)]
    with pytest.raises(UserError, match=message):
        call(reader)
    for part, value in zip(tf.nest.flatten(reader.state), before):
        np.testing.assert_array_equal(part, value)


def test_one_text_is_not_several(reader: StatefulLanguageModel) -> None:
    with pytest.raises(TypeError, match="texts are expected"):
        reader.score_next("a b")


@pytest.fixture(scope="module")
def served(model: LanguageModel) -> LanguageModelModule:
    """What an export offers; that it answers as the model does is for the tests of exports."""
    return LanguageModelModule(
        model, StoredWeights(model), WORDS, SearchConfig(), ExportConfig(), in_graph=False
    )


def request(**changed: Any) -> dict[str, tf.Tensor]:
    """Two rows of a token each."""
    zeros = np.zeros([2, 2, 4], np.float32)
    inputs = {"ids": [[5], [6]], "lengths": [1, 1], "last": [WORDS.start_id] * 2, "h": zeros, "c": zeros}
    return {name: tf.constant(value) for name, value in {**inputs, **changed}.items()}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"last": [2]}, "last: must be a row of each text, not"),
        ({"h": np.zeros([3, 2, 4], np.float32)}, "h: must be a row of each text, not"),
        ({"c": np.full([2, 2, 4], np.nan, np.float32)}, "c: must be finite numbers"),
        ({"last": [2, 99]}, "last: must be from 0 to 22, not"),
        ({"ids": [[5], [-3]]}, "ids: must be from 0 to 22, not"),
    ],
)
def test_what_a_client_may_get_wrong(
    served: LanguageModelModule, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        served.score_next(**request(**changed))


def test_the_example_of_an_export_has_every_input(model: LanguageModel, served: LanguageModelModule) -> None:
    target = SimpleNamespace(texts=lambda rows: ["a b", "c"])
    index: Any = type("Index", (), {"target": target, "__len__": lambda _: 2})()
    example = LanguageModelServing(compose(["task=language_model"]), model, WORDS).example(index)
    options = {"beam_width", "length_penalty", "max_length"}
    for function in served.functions.values():
        assert {spec.name for spec in function.input_signature} <= {*example, *options}  # type: ignore[attr-defined]
    values = {name: eval(example[name], {"tf": tf}) for name in request()}
    assert_close(served.score_next(**values)["token_log_probs"][0], whole(model, "c"))


def test_a_request_may_be_empty(served: LanguageModelModule) -> None:
    nothing = {name: value[:0] for name, value in request().items()}
    assert served.score_next(**nothing)["h"].shape == (0, 2, 4)
    unread = request(ids=np.zeros([2, 0], np.int32), lengths=[0, 0])
    found = served.score_next(**unread)
    assert found["token_log_probs"].shape == (2, 0)
    for name in ("last", "h", "c"):
        np.testing.assert_array_equal(found[name], unread[name])
