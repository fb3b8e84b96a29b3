"""One graph for every batch, and no sentence sees another, whoever comes first or leaves early."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.search import SearchResult, beam_search, greedy_search, sample
from tests.closeness import assert_close
from tests.search.fake_steps import MarkovTable

TABLES = 30
VECTOR = tf.TensorSpec([None], tf.int32)


def graph(step: MarkovTable, **options: Any) -> Callable[..., SearchResult]:
    """A search of five hypotheses over any number of sentences, as one graph."""

    @tf.function(input_signature=[VECTOR, VECTOR])
    def search(tables: tf.Tensor, max_length: tf.Tensor) -> SearchResult:
        return beam_search(
            step,
            **step.inputs(tables),
            max_length=max_length,
            beam_width=5,
            return_alignments=True,
            **options,
        )

    return search


STEP = MarkovTable(tables=TABLES)
SEARCH = graph(STEP)
STATIC_SEARCH = graph(STEP, static_steps=15)

BATCHES = st.lists(st.tuples(st.integers(0, TABLES - 1), st.integers(1, 15)), min_size=1, max_size=24)


def run(search: Callable[..., SearchResult], batch: list[tuple[int, int]]) -> SearchResult:
    tables, max_length = np.array(batch, np.int32).T
    return search(tf.constant(tables), tf.constant(max_length))


def assert_sentence_equal(first: SearchResult, a: int, second: SearchResult, b: int) -> None:
    np.testing.assert_array_equal(first.lengths[a], second.lengths[b])
    for name in ("scores", "log_probs"):  # the last bit depends on the place in a vector register
        assert_close(getattr(first, name)[a], getattr(second, name)[b])
    longest = min(first.ids.shape[2], second.ids.shape[2])
    for name in ("ids", "alignments"):
        one, other = getattr(first, name)[a].numpy(), getattr(second, name)[b].numpy()
        np.testing.assert_array_equal(one[:, :longest], other[:, :longest])
        assert not one[:, longest:].any()  # padding is 0
        assert not other[:, longest:].any()


@settings(max_examples=25, deadline=None)
@given(batch=BATCHES, data=st.data())
def test_batch_mates_and_order_do_not_matter(batch: list[tuple[int, int]], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(batch))))
    whole, permuted = run(SEARCH, batch), run(SEARCH, [batch[place] for place in order])
    for new, old in enumerate(order):
        assert_sentence_equal(permuted, new, whole, old)
    place = data.draw(st.integers(0, len(batch) - 1))
    assert_sentence_equal(run(SEARCH, [batch[place]]), 0, whole, place)


@settings(max_examples=25, deadline=None)
@given(batch=BATCHES)
def test_leaving_early_changes_nothing(batch: list[tuple[int, int]]) -> None:
    leaving, staying = run(SEARCH, batch), run(STATIC_SEARCH, batch)
    for place in range(len(batch)):
        assert_sentence_equal(leaving, place, staying, place)


def test_finished_sentences_leave_and_memory_is_not_reordered() -> None:
    """The step sees fewer rows as sentences end, and each row's memory stays with its sentence."""
    step, rows, memories = MarkovTable(), [], []

    def spy(ids: tf.Tensor, state: Any, memory: Any) -> Any:
        rows.append(len(ids))
        memories.append(memory[0].numpy().tolist())
        return step(ids, state, memory)

    max_length = tf.constant([1, 1, 3, 5])
    beam_search(spy, **step.inputs(range(4)), max_length=max_length, min_length=9, beam_width=2)
    assert rows == [8, 4, 4, 2, 2]
    assert memories == [[0, 0, 1, 1, 2, 2, 3, 3], [2, 2, 3, 3], [2, 2, 3, 3], [3, 3], [3, 3]]


@pytest.mark.parametrize("search", ["greedy", "beam", "sample"])
def test_one_graph_for_all_batches(search: str) -> None:
    step = MarkovTable()

    @tf.function(input_signature=[VECTOR, VECTOR])
    def run_search(tables: tf.Tensor, max_length: tf.Tensor) -> SearchResult:
        inputs = {**step.inputs(tables), "max_length": max_length}
        if search == "greedy":
            return greedy_search(step, **inputs)
        if search == "beam":
            return beam_search(step, beam_width=2, **inputs)
        return sample(step, seed=[1, 2], **inputs)

    for size in (1, 4, 7):
        result = run_search(tf.range(size) % 6, tf.range(1, size + 1))
        assert result.ids.shape[0] == size
    assert step.traces == 1


def test_nothing_of_tensorflow_addons_is_in_the_graph() -> None:
    graph_def = SEARCH.get_concrete_function().graph.as_graph_def()  # type: ignore[attr-defined]
    names = {node.op for node in graph_def.node}
    names |= {node.op for function in graph_def.library.function for node in function.node_def}
    assert "While" in names or "StatelessWhile" in names
    assert not [name for name in names if "Addons" in name or "PyFunc" in name]


def test_a_saved_model_finds_the_same(tmp_path: Any) -> None:
    module = tf.Module()
    module.tables = tf.Variable(STEP.logits, trainable=False)

    def step(ids: tf.Tensor, state: Any, memory: Any) -> Any:
        logits = tf.gather_nd(module.tables, tf.stack([memory[0], state["time"], ids], axis=1))
        return logits, {"time": state["time"] + 1}, None

    @tf.function(input_signature=[VECTOR, VECTOR])
    def translate(tables: tf.Tensor, max_length: tf.Tensor) -> dict[str, tf.Tensor]:
        result = beam_search(step, **STEP.inputs(tables), max_length=max_length, beam_width=5)
        return {"ids": result.ids, "scores": result.scores}

    module.translate = translate
    tf.saved_model.save(module, str(tmp_path), signatures=translate)
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    batch = [(table, 3 + table % 10) for table in range(TABLES)]
    tables, max_length = (tf.constant(values, tf.int32) for values in zip(*batch))
    expected, found = run(SEARCH, batch), loaded(tables=tables, max_length=max_length)
    np.testing.assert_array_equal(found["ids"], expected.ids)
    assert_close(found["scores"], expected.scores)


def test_compiles_with_static_shapes() -> None:
    def search(tables: tf.Tensor, max_length: tf.Tensor) -> SearchResult:
        return beam_search(
            STEP,
            **STEP.inputs(tables),
            max_length=max_length,
            beam_width=2,
            static_steps=9,
            return_alignments=True,
        )

    inputs = tf.constant([0, 5, 9]), tf.constant([7, 3, 8])
    compiled, expected = tf.function(search, jit_compile=True)(*inputs), search(*inputs)
    assert compiled.ids.shape == (3, 2, 9)
    np.testing.assert_array_equal(compiled.ids, expected.ids)
    assert_close(compiled.scores, expected.scores)
    assert_close(compiled.alignments, expected.alignments)
