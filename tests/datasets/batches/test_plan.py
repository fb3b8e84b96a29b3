import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.datasets import batch_plan, evaluation_plan
from seq2seq.errors import UserError

LENGTHS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), max_size=300).map(
    lambda pairs: tuple(np.array(pairs, np.int32).reshape(-1, 2).T)
)
OPTIONS = st.fixed_dictionaries(
    {
        "batch_type": st.sampled_from(["tokens", "examples"]),
        "batch_size": st.integers(1, 500),
        "seed": st.integers(0, 2**40),
        "epoch": st.integers(0, 1000),
        "shuffle": st.booleans(),
        "window_batches": st.integers(1, 20),
    }
)


def lengths(number, seed=0):
    generator = np.random.default_rng(seed)
    source = generator.integers(1, 50, number)
    return source, np.clip(source + generator.integers(-5, 6, number), 0, None)


def padded_tokens(rows, source, target):
    return len(rows) * (int(source[rows].max()) + int(target[rows].max()) + 1)


def check(plan, source, target, batch_type, batch_size):
    batches = list(plan)
    assert len(batches) == len(plan)
    assert sorted(np.concatenate([*batches, np.zeros(0, int)]).tolist()) == list(range(len(source)))
    for rows in batches:
        if batch_type == "examples":
            assert 1 <= len(rows) <= batch_size
        else:
            assert len(rows) == 1 or padded_tokens(rows, source, target) <= batch_size


@given(LENGTHS, OPTIONS)
def test_every_example_once_and_every_batch_within_its_size(pair, options):
    source, target = pair
    check(batch_plan(source, target, **options), source, target, options["batch_type"], options["batch_size"])


@given(LENGTHS, OPTIONS)
def test_evaluation_goes_from_the_longest_to_the_shortest(pair, options):
    source, target = pair
    options = {name: options[name] for name in ("batch_type", "batch_size")}
    plan = evaluation_plan(source, target, **options)
    check(plan, source, target, **options)
    assert (np.diff(source[plan.order]) <= 0).all()
    assert [batch.tolist() for batch in plan] == [
        plan.order[slice(*bounds)].tolist() for bounds in plan.bounds
    ]
    assert (plan.bounds[1:, 0] == plan.bounds[:-1, 1]).all()


@given(LENGTHS, OPTIONS)
def test_a_plan_is_a_function_of_its_arguments(pair, options):
    one, two = (batch_plan(*(side.copy() for side in pair), **options) for _ in range(2))
    np.testing.assert_array_equal(one.order, two.order)
    np.testing.assert_array_equal(one.bounds, two.bounds)


@pytest.mark.parametrize("batch_type", ["tokens", "examples"])
def test_batches_are_as_full_as_they_can_be(batch_type):
    source, target = lengths(2000)
    plan = evaluation_plan(source, target, batch_type=batch_type, batch_size=300)
    for number in range(len(plan) - 1):
        extended = np.append(plan[number], plan[number + 1][0])
        if batch_type == "tokens":
            assert padded_tokens(extended, source, target) > 300
        else:
            assert len(plan[number]) == 300


def test_epochs_and_seeds_differ():
    source, target = lengths(1000)
    options = {"batch_type": "tokens", "batch_size": 500}
    plans = [
        batch_plan(source, target, **options, seed=s, epoch=e) for s, e in ((1, 0), (1, 1), (0, 1), (2, 0))
    ]
    firsts = [tuple(sorted(plan[0].tolist())) for plan in plans]
    assert len(set(firsts)) == 4


def test_without_shuffling_examples_stay_in_their_window():
    source, target = lengths(1000)
    plan = batch_plan(
        source, target, batch_type="examples", batch_size=10, seed=1, epoch=0, shuffle=False, window_batches=5
    )
    windows = plan.order.reshape(20, 50)
    np.testing.assert_array_equal(np.sort(windows, axis=1), np.arange(1000).reshape(20, 50))
    np.testing.assert_array_equal(plan.bounds[:, 0], np.arange(0, 1000, 10))


def test_an_example_over_the_budget_is_alone():
    source, target = np.array([3, 900, 4, 5]), np.array([3, 2, 4, 5])
    plan = batch_plan(source, target, batch_type="tokens", batch_size=100, seed=1, epoch=0)
    assert sorted(sorted(rows.tolist()) for rows in plan) in (
        [[0, 2, 3], [1]],
        [[0], [1], [2, 3]],
        [[0, 2], [1], [3]],
    )


def test_sorting_pays():
    source, target = lengths(20_000)
    options = {"batch_type": "tokens", "batch_size": 2048, "seed": 1, "epoch": 0}
    real = source.sum() + target.sum() + len(source)
    filled = []
    for window_batches in (1, 10, 50):
        plan = batch_plan(source, target, **options, window_batches=window_batches)
        filled.append(real / sum(padded_tokens(rows, source, target) for rows in plan))
    assert filled[0] < 0.75
    assert filled[1] > 0.8
    assert filled[2] > 0.9


def test_rows_are_compact():
    source, target = lengths(100)
    assert (
        batch_plan(source, target, batch_type="tokens", batch_size=99, seed=1, epoch=0).order.dtype
        == np.int32
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"batch_type": "words", "batch_size": 5},
            "batch_type=words is unknown; choose one of tokens, examples",
        ),
        ({"batch_type": "tokens", "batch_size": 0}, "batch_size=0 holds nothing"),
    ],
)
def test_what_is_no_size_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        batch_plan(*lengths(10), **options, seed=1, epoch=0)
    with pytest.raises(UserError, match=message):
        evaluation_plan(*lengths(10), **options)
