import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.datasets import (
    BatchMaker,
    batch_plan,
    build_index,
    evaluation_plan,
    predict_index,
    predict_lines,
)
from seq2seq.datasets.arriving import Arriving
from seq2seq.datasets.batches.in_order import predict_large
from seq2seq.errors import UserError
from tests.datasets.toy import PAIRS, SOURCE, TARGET, parallel_text

OPTIONS = {
    "source_tokenizer": SOURCE, "target_tokenizer": TARGET, "batch_type": "examples", "batch_size": 2,
    "empty": lambda line: ("nothing", line),
}  # fmt: skip


def echo(batch):
    """What a batch holds, as one result per example."""
    sources = [ids[:length].tolist() for ids, length in zip(batch.source_ids, batch.source_length)]
    return list(zip(batch.example_ids.tolist(), sources))


@given(
    st.lists(st.lists(st.sampled_from("abcdx"), max_size=8).map(" ".join), max_size=30),
    st.sampled_from(["tokens", "examples"]),
    st.integers(1, 20),
    st.integers(1, 40),
)
def test_results_keep_the_order_of_the_lines(lines, batch_type, batch_size, chunk_lines):
    options = {**OPTIONS, "batch_type": batch_type, "batch_size": batch_size, "chunk_lines": chunk_lines}
    results = list(predict_lines(iter(lines), echo, **options))
    assert results == [
        (i, row) if row else ("nothing", lines[i]) for i, row in enumerate(SOURCE.encode(lines))
    ]


def test_batches_go_from_long_to_short_and_have_empty_targets():
    batches = []

    def keep(batch):
        batches.append(batch)
        return echo(batch)

    list(predict_lines(["a", "a b c", "", "a b", "a b c d"], keep, **OPTIONS, chunk_lines=4))
    assert [batch.source_length.tolist() for batch in batches] == [[3, 2], [1], [4]]
    np.testing.assert_array_equal(batches[0].target_inputs, [[2], [2]])
    np.testing.assert_array_equal(batches[0].target_outputs, [[3], [3]])
    np.testing.assert_array_equal(batches[0].target_length, [1, 1])
    assert batches[0].example_ids.dtype == np.int64


def test_only_a_chunk_is_read_ahead():
    read = []

    def lines():
        for i in range(10):
            read.append(i)
            yield "a"

    next(predict_lines(lines(), echo, **OPTIONS, chunk_lines=3))
    assert read == [0, 1, 2]


def test_long_lines_are_cut_and_named(caplog):
    lines = ["a", "b " * 50_000, "c c"]
    with caplog.at_level(logging.WARNING):
        results = list(predict_lines(lines, echo, **OPTIONS, max_source_length=2))
    assert results == [(0, [4]), (1, [5, 5]), (2, [6, 6])]
    assert [record.getMessage() for record in caplog.records] == [
        "Line 2 has 50000 tokens; only the first 2 are read"
    ]


def test_a_result_too_few_is_noticed():
    with pytest.raises(ValueError, match="a batch of 2 was predicted as 1 results"):
        list(predict_lines(["a", "b"], lambda batch: echo(batch)[:1], **OPTIONS))


@pytest.mark.parametrize("shuffled", [False, True])
def test_an_index_is_predicted_in_order(tmp_path, shuffled):
    index = build_index(
        parallel_text(tmp_path, PAIRS),
        tmp_path / "index",
        name="test",
        source_tokenizer=SOURCE,
        target_tokenizer=TARGET,
        keep_all=True,
        keep_text=True,
    )
    lengths = (index.source.lengths, index.target.lengths)
    size = {"batch_type": "tokens", "batch_size": 9}
    plan = batch_plan(*lengths, **size, seed=1, epoch=0) if shuffled else evaluation_plan(*lengths, **size)
    rows = SOURCE.encode([source for source, _ in PAIRS])
    everything = {"count": len(index), "empty": lambda row: ("nothing", row)}
    assert predict_index(BatchMaker(index, SOURCE, TARGET), plan, echo, **everything) == [
        (i, row or [1]) for i, row in enumerate(rows)
    ]
    some = [batch[batch != 1] for batch in plan if set(batch) != {1}]
    some_results = predict_index(BatchMaker(index, SOURCE, TARGET), some, echo, **everything)
    assert some_results == [("nothing", 1) if i == 1 else (i, row or [1]) for i, row in enumerate(rows)]


@given(
    st.lists(st.integers(0, 30), max_size=30),
    st.integers(1, 6),
    st.integers(1, 60),
    st.integers(1, 8),
    st.integers(1, 90),
)
def test_what_is_large_keeps_its_order_and_its_limits(sizes, batch_size, volume, chunk_items, chunk_volume):
    items = list(enumerate(sizes))
    read, batches = [], []

    def given_out():
        for item in items:
            read.append(item)
            yield item

    def predict(batch):
        batches.append([size for _, size in batch])
        assert len(read) - len(done) <= chunk_items
        held = [size for _, size in read[len(done) :]]
        assert sum(held[:-1]) < chunk_volume
        return [number for number, _ in batch]

    done = []
    for number in predict_large(
        given_out(),
        predict,
        empty=lambda item: item[0],
        size=lambda item: item[1],
        batch_size=batch_size,
        batch_volume=volume,
        chunk_items=chunk_items,
        chunk_volume=chunk_volume,
    ):
        done.append(number)
    assert done == list(range(len(items)))
    for batch in batches:
        assert batch == sorted(batch, reverse=True)
        assert batch[-1] > 0
        assert len(batch) == 1 or (len(batch) <= batch_size and len(batch) * max(batch) <= volume)


def test_what_arrives_is_answered_before_more_is_waited_for():
    log = []

    class Pipe:
        """Two lines are there, then two more."""

        waits = iter([True, False, True, True, False])

        def __iter__(self):
            for line in ["a", "b c", "c", "a a"]:
                log.append(line)
                yield line

        def ready(self):
            return next(self.waits)

    def keep(batch):
        log.append(len(batch.source_length))
        return echo(batch)

    pipe = Pipe()
    lines = Arriving(pipe, pipe.ready).map(str)
    assert list(predict_lines(lines, keep, **OPTIONS)) == [(0, [4]), (1, [5, 6]), (2, [6]), (3, [4, 4])]
    assert log == ["a", "b c", 2, "c", "a a", 2]


def test_what_came_before_a_fault_is_not_lost():
    def lines():
        yield from ("a", "b")
        raise UserError("line 3: this is not UTF-8")

    predictions = predict_lines(lines(), echo, **OPTIONS)
    assert [next(predictions), next(predictions)] == [(0, [4]), (1, [5])]
    with pytest.raises(UserError, match="line 3"):
        next(predictions)
