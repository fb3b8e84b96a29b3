import numpy as np
import pytest

from seq2seq.datasets import BatchMaker, SubwordSampling, build_index, static_shapes
from seq2seq.datasets.batches.pairs import Batch, Shape, check_batch
from seq2seq.errors import UserError
from seq2seq.text import Normalizer, SentencePieceTokenizer, train_tokenizer
from tests.datasets.toy import PAIRS, SOURCE, TARGET, parallel_text
from tests.text.test_tokenizers import sentences


def make(folder, pairs, source_tokenizer, target_tokenizer, **options):
    index = build_index(
        parallel_text(folder, pairs),
        folder / "index",
        name="val",
        source_tokenizer=source_tokenizer,
        target_tokenizer=target_tokenizer,
        keep_all=True,
        keep_text=True,
    )
    return BatchMaker(index, source_tokenizer, target_tokenizer, **options)


def test_padding_starts_and_ends(tmp_path):
    batch = make(tmp_path, PAIRS, SOURCE, TARGET)(np.array([7, 3, 1, 5], np.int32))
    expected = {
        "example_ids": np.array([7, 3, 1, 5]),
        "source_ids": np.array([[7, 6, 5], [7, 0, 0], [1, 0, 0], [5, 0, 0]], np.int32),
        "source_length": np.array([3, 1, 1, 1], np.int32),
        "target_inputs": np.array(
            [[2, 7, 0, 0, 0], [2, 0, 0, 0, 0], [2, 5, 0, 0, 0], [2, 5, 6, 7, 4]], np.int32
        ),
        "target_outputs": np.array(
            [[7, 3, 0, 0, 0], [3, 0, 0, 0, 0], [5, 3, 0, 0, 0], [5, 6, 7, 4, 3]], np.int32
        ),
        "target_length": np.array([2, 1, 2, 5], np.int32),
    }
    assert batch._fields == tuple(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(getattr(batch, name), array, err_msg=name)
        assert getattr(batch, name).dtype == array.dtype


@pytest.mark.parametrize("rows", [[3], [3, 6]])
def test_targets_may_all_be_empty(tmp_path, rows):
    batch = make(tmp_path, PAIRS, SOURCE, TARGET)(np.array(rows))
    np.testing.assert_array_equal(batch.target_inputs, [[2]] * len(rows))
    np.testing.assert_array_equal(batch.target_outputs, [[3]] * len(rows))
    np.testing.assert_array_equal(batch.target_length, [1] * len(rows))


def test_special_ids_are_asked_of_the_tokenizer(tmp_path):
    class Shifted(type(TARGET)):
        pad_id, start_id, end_id = 9, 10, 11

    tokenizer = Shifted(["A", "B", "C", "D"], Normalizer())
    batch = make(tmp_path, [("A B", "A"), ("C", "B C")], tokenizer, tokenizer)(np.array([0, 1]))
    np.testing.assert_array_equal(batch.source_ids, [[4, 5], [6, 9]])
    np.testing.assert_array_equal(batch.target_inputs, [[10, 4, 9], [10, 5, 6]])
    np.testing.assert_array_equal(batch.target_outputs, [[4, 11, 9], [5, 6, 11]])


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def sampler(request, tmp_path_factory):
    texts = sentences(200)
    tokenizer = train_tokenizer(texts, kind=request.param, vocabulary_size=44)
    assert isinstance(tokenizer, SentencePieceTokenizer)
    folder = tmp_path_factory.mktemp("sampler")
    return make(folder, list(zip(texts, texts)), tokenizer, tokenizer, sampling=SubwordSampling(0.1))


def test_sampling_depends_on_the_seed_alone(sampler):
    rows = np.arange(20, 40)
    first, other, again = (sampler(rows, seed) for seed in ((1, 2, 3), (1, 2, 4), (1, 2, 3)))
    for one, two in zip(first, again):
        np.testing.assert_array_equal(one, two)
    assert first.source_ids.tolist() != other.source_ids.tolist()
    sources = [ids[:length].tolist() for ids, length in zip(first.source_ids, first.source_length)]
    targets = [ids[: length - 1].tolist() for ids, length in zip(first.target_outputs, first.target_length)]
    assert sources != targets  # the sides are drawn apart
    texts = sampler.index.source.texts(rows)
    assert sampler.source_tokenizer.decode(sources) == sampler.target_tokenizer.decode(targets) == texts


def test_what_cannot_sample_is_refused_at_once(tmp_path, sampler):
    with pytest.raises(UserError, match="A word tokenizer cannot sample"):
        make(tmp_path, PAIRS, sampler.source_tokenizer, TARGET, sampling=SubwordSampling(0.1))
    with pytest.raises(UserError, match="nbest=1 leaves nothing to sample"):
        BatchMaker(sampler.index, *[sampler.source_tokenizer] * 2, sampling=SubwordSampling(0.1, nbest=1))


def test_an_empty_row_is_named_before_a_fused_kernel_meets_it() -> None:
    ids = np.ones([2, 3], np.int32)
    lengths = np.array([3, 2], np.int32)
    batch = Batch(np.array([7, 41]), ids, lengths, ids, ids, lengths)

    def check(batch: Batch) -> None:
        check_batch(batch, source_length=batch.source_ids, target_length=batch.target_inputs)

    check(batch)
    with pytest.raises(UserError, match=r"source_length of example 41 is 0; it must be from 1 to 3"):
        check(batch._replace(source_length=np.array([3, 0], np.int32)))
    with pytest.raises(UserError, match=r"target_length of example 7 is 4; it must be from 1 to 3"):
        check(batch._replace(target_length=np.array([4, 1], np.int32)))


def test_of_no_rows_becomes_an_empty_row(tmp_path, sampler):
    empty = {
        "example_ids": [-1],
        "source_ids": [[0]],
        "source_length": [1],
        "target_inputs": [[0]],
        "target_outputs": [[0]],
        "target_length": [0],
    }
    maker = make(tmp_path, PAIRS, SOURCE, TARGET)
    full, batch = maker(np.arange(2)), maker(np.array([], np.int64))
    for name, rows in empty.items():
        np.testing.assert_array_equal(getattr(batch, name), rows, err_msg=name)
        assert getattr(batch, name).dtype == getattr(full, name).dtype
    for batch in (maker([], shape=Shape(8, 16, 3)), sampler([], (1, 2, 3), shape=Shape(8, 16, 3))):
        for name, (row,) in empty.items():
            steps = {"source_ids": 8, "target_inputs": 16, "target_outputs": 16}.get(name)
            np.testing.assert_array_equal(
                getattr(batch, name), [steps * row if steps else row] * 3, err_msg=name
            )


def test_a_given_shape_goes_before_that_of_the_rows(tmp_path):
    maker = make(tmp_path, PAIRS, SOURCE, TARGET)
    maker.shapes = static_shapes(
        *(side.lengths for side in (maker.index.source, maker.index.target)),
        count=1,
        batch_type="examples",
        batch_size=4,
    )
    assert maker(np.arange(2)).source_ids.shape == (4, 8)
    assert maker(np.arange(2), shape=Shape(16, 8, 3)).source_ids.shape == (3, 16)


def test_fused_kernels_are_given_empty_rows_but_no_empty_example(tmp_path):
    maker = make(tmp_path, PAIRS, SOURCE, TARGET)
    batch = maker(np.arange(2), shape=Shape(8, 8, 3))
    check_batch(batch, source_length=batch.source_ids, target_length=batch.target_inputs)
    wrong = batch._replace(source_length=np.array([2, 0, 1]))
    with pytest.raises(UserError, match="source_length of example 1 is 0"):
        check_batch(wrong, source_length=wrong.source_ids)
