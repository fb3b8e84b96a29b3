import gc
import itertools
import weakref

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.datasets import Batch, BatchMaker, SubwordSampling, batch_plan, build_index
from seq2seq.datasets.batches.static_shapes import static_shapes
from seq2seq.datasets.batches.stream import SIGNATURE, WHOLE, BatchStream, ReplicaSharding
from seq2seq.errors import UserError
from seq2seq.text import train_tokenizer
from tests.datasets.toy import parallel_text
from tests.text.test_tokenizers import sentences


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    texts = sentences(300)
    tokenizer = train_tokenizer(texts, kind="unigram", vocabulary_size=44)
    folder = tmp_path_factory.mktemp("stream")
    index = build_index(
        parallel_text(folder, list(zip(texts, reversed(texts)))),
        folder / "index",
        name="train",
        source_tokenizer=tokenizer,
        target_tokenizer=tokenizer,
        keep_all=False,
        keep_text=True,
    )
    return BatchMaker(index, tokenizer, tokenizer, sampling=SubwordSampling(0.2))


def plan_of(maker):
    lengths = (maker.index.source.lengths, maker.index.target.lengths)
    return lambda epoch: batch_plan(*lengths, batch_type="tokens", batch_size=600, seed=1, epoch=epoch)


@pytest.fixture(scope="module")
def stream(maker):
    return BatchStream(maker, plan_of(maker), seed=1)


def assert_same(batches, others):
    assert len(batches) == len(others)
    for batch, other in zip(batches, others):
        for one, two in zip(tf.nest.flatten(batch), tf.nest.flatten(other)):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("epoch", [0, 2])
def test_batches_are_those_of_the_maker(maker, stream, epoch):
    dataset = stream(epoch)
    assert dataset.element_spec == ((SIGNATURE,),)
    batches = list(dataset)
    assert all(isinstance(part, Batch) and isinstance(part.source_ids, tf.Tensor) for ((part,),) in batches)
    expected = [((maker(rows, (1, epoch, number, 0)),),) for number, rows in enumerate(plan_of(maker)(epoch))]
    assert len(expected) > 10
    assert_same(batches, expected)
    assert_same(list(dataset), expected)


@pytest.mark.parametrize("skip", [1, 7, 1000])
def test_an_epoch_goes_on_where_it_stopped(stream, skip):
    assert_same(list(stream(2, skip)), list(stream(2))[skip:])


def test_epochs_may_be_read_side_by_side(stream):
    pairs = list(zip(stream(0), stream(1)))
    assert_same([one for one, _ in pairs], list(stream(0))[: len(pairs)])
    assert_same([two for _, two in pairs], list(stream(1))[: len(pairs)])


def test_nothing_is_left_of_epochs_or_of_a_stream(maker):
    own = BatchMaker(maker.index, maker.source_tokenizer, maker.target_tokenizer)
    plans = []

    def plan(epoch):
        plans.append(plan_of(maker)(epoch))
        return plans[-1]

    stream = BatchStream(own, plan)
    graph = tf.compat.v1.get_default_graph()
    list(stream(0))
    held = len(graph._py_funcs_used_in_graph)  # what TensorFlow never forgets
    for epoch in range(1, 4):
        steps = iter(stream(epoch))
        next(steps)  # left in the middle
        del steps
        list(stream(epoch))
    assert len(plans) == 7
    assert len(graph._py_funcs_used_in_graph) == held
    gone = [weakref.ref(thing) for thing in (own, stream, *plans)]
    plans.clear()
    del own, stream
    gc.collect()
    assert [reference() for reference in gone] == [None] * 9


def test_a_dataset_without_its_stream_says_so(maker):
    dataset = BatchStream(maker, plan_of(maker))(0)
    with pytest.raises(tf.errors.OpError, match="the BatchStream that made this dataset is gone"):
        list(dataset)


def test_shares_make_up_the_whole(maker):
    """Two processes with two replicas each, and two turns: every example once, parts about as large as each other."""
    own = BatchMaker(maker.index, maker.source_tokenizer, maker.target_tokenizer)
    halves = [ReplicaSharding(replicas=4, first=first, local=2, micro_batches=2) for first in (0, 2)]
    streams = [BatchStream(own, plan_of(maker), sharding=sharding) for sharding in (WHOLE, *halves)]
    whole, *shares = (list(stream(0)) for stream in streams)
    assert {len(share) for share in shares} == {len(whole)}
    for ((batch,),), one, two in zip(whole, *shares):
        assert (len(one), len(one[0])) == (2, 2)
        parts = [part for turns in (one, two) for turn in turns for part in turn]
        ids = [[number for number in part.example_ids.numpy().tolist() if number >= 0] for part in parts]
        assert sorted(itertools.chain(*ids)) == sorted(batch.example_ids.numpy().tolist())
        assert max(map(len, ids)) - min(map(len, ids)) <= 1
        tokens = [int(tf.reduce_sum(part.target_length)) for part in parts]
        assert sum(tokens) == int(tf.reduce_sum(batch.target_length))


def test_parts_of_fixed_shapes_have_their_share_of_the_rows(maker):
    lengths = (maker.index.source.lengths, maker.index.target.lengths)
    shapes = static_shapes(*lengths, count=3, batch_type="tokens", batch_size=600)
    own = BatchMaker(maker.index, maker.source_tokenizer, maker.target_tokenizer, shapes=shapes)
    stream = BatchStream(
        own, lambda epoch: shapes.plan(epoch=epoch), sharding=ReplicaSharding(3, 0, 3, 2), shapes=shapes
    )
    found = {part.source_ids.shape.as_list()[0] for batch in stream(0) for turn in batch for part in turn}
    assert found == {-(-shape.rows // 6) for shape in shapes.shapes}


def test_nothing_is_tuned(stream):
    """An iterator that is tuned takes up to a minute to go (see `_without_autotuning`)."""
    dataset = stream(0)
    assert dataset.dataset.options().autotune.enabled is False


def test_what_goes_wrong_is_raised_as_it_was(maker, stream):
    sentence = "x.wav is cut off: its header promises 800 samples, but there are 7."
    faulty = {3: True}

    def make(rows, seed):
        if faulty.pop(seed[2], False):
            raise UserError(sentence)
        return maker(rows, seed)

    own = BatchStream(make, plan_of(maker), seed=1)
    seen = []
    with pytest.raises(UserError) as caught:
        seen.extend(own(0))
    assert str(caught.value) == sentence
    assert_same(seen, list(stream(0))[:3])
    assert len(list(own(0))) == len(plan_of(maker)(0))  # nothing is left of it
