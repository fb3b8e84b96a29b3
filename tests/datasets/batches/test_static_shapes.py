import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.datasets import BatchMaker, SubwordSampling, build_index, static_shapes
from seq2seq.datasets.batches.pairs import Batch, Shape
from seq2seq.datasets.batches.static_shapes import MULTIPLE
from seq2seq.errors import UserError
from seq2seq.text import train_tokenizer
from tests.datasets.batches.test_plan import LENGTHS, lengths
from tests.datasets.toy import PAIRS, SOURCE, TARGET, parallel_text
from tests.text.test_tokenizers import sentences

OPTIONS = st.fixed_dictionaries(
    {
        "count": st.integers(1, 12),
        "batch_type": st.sampled_from(["tokens", "examples"]),
        "batch_size": st.integers(1, 500),
    }
)


def holds(shape, source, target):
    return (source <= shape.source) & (target + 1 <= shape.target)


@given(LENGTHS, OPTIONS)
def test_each_example_is_in_the_smallest_shape_that_holds_it(pair, options):
    source, target = pair
    planned = static_shapes(source, target, **options)
    shapes = planned.shapes
    assert len(set(shapes)) == len(shapes) <= options["count"]
    assert list(shapes) == sorted(shapes, key=lambda shape: -shape.source - shape.target)
    assert sorted(set(planned.numbers.tolist())) == list(range(len(shapes)))
    for shape in shapes:
        assert shape.source % MULTIPLE == shape.target % MULTIPLE == 0
        if options["batch_type"] == "examples":
            assert shape.rows == options["batch_size"]
        else:
            assert shape.rows == max(1, options["batch_size"] // (shape.source + shape.target))
    for number, s, t in zip(planned.numbers.tolist(), source.tolist(), target.tolist()):
        sizes = [shape.source + shape.target for shape in shapes if holds(shape, s, t)]
        assert holds(shapes[number], s, t)
        assert shapes[number].source + shapes[number].target == min(sizes)


@given(LENGTHS, OPTIONS, st.integers(0, 2**40), st.integers(0, 1000), st.booleans())
def test_every_example_once_and_one_shape_a_batch(pair, options, seed, epoch, shuffle):
    planned = static_shapes(*pair, **options)
    plan, again = (planned.plan(seed=seed, epoch=epoch, shuffle=shuffle) for _ in range(2))
    np.testing.assert_array_equal(plan.order, again.order)
    np.testing.assert_array_equal(plan.bounds, again.bounds)
    batches = list(plan)
    assert sorted(np.concatenate([*batches, np.zeros(0, int)]).tolist()) == list(range(len(pair[0])))
    short = [0] * len(planned.shapes)
    for rows in batches:
        (number,) = set(planned.numbers[rows].tolist())
        assert planned.of(rows) == planned.shapes[number]
        assert 1 <= len(rows) <= planned.shapes[number].rows
        short[number] += len(rows) < planned.shapes[number].rows
    assert max(short, default=0) <= 1
    assert planned.positions() == sum(
        shape.rows * (shape.source + shape.target) for shape in map(planned.of, batches)
    )
    if not shuffle:
        numbers = [int(planned.numbers[rows[0]]) for rows in batches]
        assert numbers == sorted(numbers)  # the largest shape first


def test_epochs_and_seeds_differ():
    planned = static_shapes(*lengths(1000), count=4, batch_type="tokens", batch_size=500)
    plans = [planned.plan(seed=seed, epoch=epoch) for seed, epoch in ((1, 0), (1, 1), (0, 1), (2, 0))]
    assert len({tuple(plan[0].tolist()) for plan in plans}) == 4


def test_two_shapes_are_the_best_two():
    source, target = lengths(400, seed=3)
    chosen = static_shapes(source, target, count=2, batch_type="examples", batch_size=1)
    large, small = chosen.shapes

    def padded(shape):
        width = large.source + large.target
        return np.where(holds(shape, source, target), shape.source + shape.target, width).sum()

    sides = range(MULTIPLE, large.target + 1, MULTIPLE)
    assert padded(small) == min(padded(Shape(s, t, 1)) for s in sides for t in sides)


def test_more_shapes_pad_less():
    source, target = lengths(20_000)
    real = int(source.sum() + target.sum()) + len(source)
    filled = [
        real / static_shapes(source, target, count=count, batch_type="tokens", batch_size=2048).positions()
        for count in (1, 2, 4, 8)
    ]
    assert filled == sorted(filled)
    assert filled[0] < 0.5
    assert filled[-1] > 0.8


def test_equal_lengths_need_one_shape():
    planned = static_shapes(np.full(9, 8), np.full(9, 15), count=8, batch_type="tokens", batch_size=60)
    assert planned.shapes == (Shape(8, 16, 2),)


@pytest.mark.parametrize(
    "options", [{"batch_type": "words", "batch_size": 5}, {"batch_type": "tokens", "batch_size": 0}]
)
def test_what_is_no_size_is_refused(options):
    with pytest.raises(UserError, match="batch_"):
        static_shapes(*lengths(10), count=2, **options)


def test_short_batches_are_filled_up_with_empty_rows(tmp_path):
    index = build_index(
        parallel_text(tmp_path, PAIRS), tmp_path / "index", name="val",
        source_tokenizer=SOURCE, target_tokenizer=TARGET, keep_all=True, keep_text=True,
    )  # fmt: skip
    planned = static_shapes(
        index.source.lengths, index.target.lengths, count=2, batch_type="examples", batch_size=3
    )
    shapes = planned.shapes
    assert shapes == (Shape(8, 8, 3),)
    free, fixed = BatchMaker(index, SOURCE, TARGET), BatchMaker(index, SOURCE, TARGET, shapes=planned)
    (whole, batch) = (maker(np.array([7, 3])) for maker in (free, fixed))
    assert batch._fields == Batch._fields
    assert [column.shape for column in batch] == [(3,), (3, 8), (3,), (3, 8), (3, 8), (3,)]
    for name, ours, theirs in zip(Batch._fields, batch, whole):
        part = ours[:2] if ours.ndim == 1 else ours[:2, : theirs.shape[1]]
        np.testing.assert_array_equal(part, theirs, err_msg=name)
        assert ours.dtype == theirs.dtype
    assert not batch.source_ids[:, 3:].any()
    assert not batch.target_inputs[:, 2:].any()
    assert not batch.target_outputs[:, 2:].any()
    assert [column[2].tolist() for column in batch] == [-1, [0] * 8, 1, [0] * 8, [0] * 8, 0]


def test_a_row_that_sampling_makes_too_long_is_taken_as_it_is(tmp_path):
    texts = sentences(200)
    tokenizer = train_tokenizer(texts, kind="bpe", vocabulary_size=80)
    index = build_index(
        parallel_text(tmp_path, list(zip(texts, reversed(texts)))), tmp_path / "index", name="train",
        source_tokenizer=tokenizer, target_tokenizer=tokenizer, keep_all=False, keep_text=True,
    )  # fmt: skip
    planned = static_shapes(
        index.source.lengths, index.target.lengths, count=6, batch_type="examples", batch_size=16
    )
    sampling = SubwordSampling(0.3)
    free = BatchMaker(index, tokenizer, tokenizer, sampling=sampling)
    fixed = BatchMaker(index, tokenizer, tokenizer, sampling=sampling, shapes=planned)
    kept = taken = 0
    for number, rows in enumerate(planned.plan(seed=1)):
        sampled, batch, shape = free(rows, (1, 0, number)), fixed(rows, (1, 0, number)), planned.of(rows)
        assert batch.source_ids.shape == (shape.rows, shape.source)
        assert batch.target_outputs.shape == (shape.rows, shape.target)
        for b, row in enumerate(rows):
            plain = index.source.rows(rows[b : b + 1]).values.tolist()
            drawn = sampled.source_ids[b, : sampled.source_length[b]].tolist()
            long = len(drawn) > shape.source
            assert batch.source_ids[b, : batch.source_length[b]].tolist() == (plain if long else drawn), row
            long_target = sampled.target_length[b] > shape.target
            expected = index.target.lengths[row] + 1 if long_target else sampled.target_length[b]
            assert batch.target_length[b] == expected
            kept, taken = kept + (not long), taken + long
    assert kept > 20
    assert taken > 20
