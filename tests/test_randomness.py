"""What draws depend on, and what they do not."""

from __future__ import annotations

import threading

import numpy as np
import tensorflow as tf

from seq2seq import randomness
from seq2seq.randomness import draw_key, drawing


def draws(seed: int, step: int, part: int = 0, *, number: int = 3) -> list[np.ndarray]:
    with drawing(draw_key(seed, tf.constant(step), part)):
        return [randomness.uniform([40]).numpy() for _ in range(number)]


def test_the_same_key_draws_the_same_and_every_other_something_else() -> None:
    np.testing.assert_array_equal(draws(1, 5), draws(1, 5))
    others = [*draws(1, 5), *draws(2, 5), *draws(1, 6), *draws(1, 5, part=1)]
    assert len({values.tobytes() for values in others}) == len(others) == 12
    everything = np.concatenate(others)
    assert everything.min() >= 0 and everything.max() < 1
    assert abs(everything.mean() - 0.5) < 0.05
    assert np.abs(np.corrcoef(others) - np.eye(12)).max() < 0.6


def test_a_graph_draws_by_the_value_of_its_key() -> None:
    @tf.function
    def graph(step: tf.Tensor) -> tf.Tensor:
        with drawing(draw_key(1, step)):
            return tf.stack([randomness.uniform([40]) for _ in range(3)])

    for step in (5, 6):
        np.testing.assert_array_equal(graph(tf.constant(step, tf.int64)), draws(1, step))
    assert graph.experimental_get_tracing_count() == 1


def test_each_turn_of_a_loop_draws_anew() -> None:
    @tf.function
    def loop() -> tf.Tensor:
        with drawing(draw_key(1, tf.constant(0))):
            return tf.map_fn(
                lambda time: randomness.uniform([40], time=time), tf.range(3), fn_output_signature=tf.float32
            )

    first, second, third = loop().numpy()
    assert (first != second).any() and (second != third).any() and (first != third).any()


def test_normal_draws_have_their_deviation() -> None:
    with drawing(draw_key(1, tf.constant(0))):
        values = randomness.normal([4000], deviation=3.0).numpy()
    assert abs(values.mean()) < 0.2 and abs(values.std() - 3.0) < 0.2


def test_outside_of_a_step_draws_are_tensorflows_own() -> None:
    first, second = (randomness.uniform([40]).numpy() for _ in range(2))
    assert (first != second).any()
    tf.random.set_seed(3)
    expected = tf.random.uniform([40]).numpy()
    tf.random.set_seed(3)
    np.testing.assert_array_equal(randomness.uniform([40]), expected)


def test_a_key_is_of_its_thread_and_of_its_block() -> None:
    found: list[np.ndarray] = []
    with drawing(draw_key(1, tf.constant(0))):
        first = randomness.uniform([4])
        thread = threading.Thread(target=lambda: found.extend(draws(1, 9)))
        thread.start()
        thread.join()
        with drawing(draw_key(7, tf.constant(0))):
            randomness.uniform([4])
        second = randomness.uniform([4])
    np.testing.assert_array_equal(found, draws(1, 9))
    with drawing(draw_key(1, tf.constant(0))):
        np.testing.assert_array_equal(first, randomness.uniform([4]))
        np.testing.assert_array_equal(second, randomness.uniform([4]))
