"""Times the search around a step of realistic size: LSTM cell, attention, projection to the vocabulary.

    python benchmarks/search.py [--batch-size 64] [--beam-width 5]

The weights are random; the end is forced at lengths like those of sorted sentences (the batch's mean ± a
third), so that finished sentences can leave. "step alone" runs the same steps without any search: what the
search adds is the difference.
"""

from __future__ import annotations

import argparse
import time
from typing import Any, Callable

import numpy as np
import tensorflow as tf

from seq2seq.search import SpecialIds, beam_search, greedy_search, sample

SPECIAL_IDS = SpecialIds(start=2, end=3, pad=0)


class Step:
    """A step function whose sentences end when ``memory["length"]`` says so."""

    def __init__(self, vocabulary_size: int, units: int, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)

        def weights(*shape: int) -> tf.Tensor:
            return tf.constant(generator.normal(size=shape) / np.sqrt(shape[0]), tf.float32)

        self.embedding = weights(vocabulary_size, units)
        self.kernel = weights(2 * units, 4 * units)
        self.projection = weights(2 * units, units)
        self.output = weights(units, vocabulary_size) * 3.0

    def __call__(self, ids: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor]:
        h, c, emitted = state
        gates = tf.concat([tf.gather(self.embedding, ids), h], axis=1) @ self.kernel
        i, f, g, o = tf.split(gates, 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        alignments = tf.nn.softmax(tf.einsum("nd,nsd->ns", h, memory["values"]))
        context = tf.einsum("ns,nsd->nd", alignments, memory["values"])
        logits = tf.tanh(tf.concat([h, context], axis=1) @ self.projection) @ self.output
        end_bonus = tf.where(emitted >= memory["length"], 40.0, -40.0)[:, tf.newaxis]
        logits += end_bonus * tf.one_hot([SPECIAL_IDS.end], logits.shape[1])
        return logits, (h, c, emitted + 1), alignments


def milliseconds(function: Callable[[], Any], repeats: int = 5) -> float:
    """The median time of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        tf.nest.map_structure(lambda values: values.numpy(), function())
        times.append(time.perf_counter() - begin)
    return 1e3 * float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--beam-width", type=int, default=5)
    parser.add_argument("--vocabulary-size", type=int, default=10_000)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--source-length", type=int, default=20)
    arguments = parser.parse_args()
    batch_size, width, mean = arguments.batch_size, arguments.beam_width, arguments.source_length

    generator = np.random.default_rng(1)
    lengths = tf.constant(generator.integers(mean * 2 // 3, mean * 4 // 3 + 1, size=batch_size), tf.int32)
    step = Step(arguments.vocabulary_size, arguments.units)
    values = tf.random.stateless_normal([batch_size, mean, arguments.units], [0, 1])
    zeros = tf.zeros([batch_size, arguments.units])
    inputs = {
        "state": (zeros, zeros, tf.zeros([batch_size], tf.int32)),
        "memory": {"values": values, "length": lengths},
        "special_ids": SPECIAL_IDS,
        "max_length": tf.fill([batch_size], 2 * mean + 10),
    }

    def steps_alone() -> tf.Tensor:
        state, memory = tf.nest.map_structure(
            lambda values: tf.repeat(values, width, axis=0), (inputs["state"], inputs["memory"])
        )
        ids = tf.zeros([batch_size * width], tf.int32)

        def advance(time: tf.Tensor, ids: tf.Tensor, state: Any) -> tuple[Any, ...]:
            logits, state, _ = step(ids, state, memory)
            return time + 1, tf.cast(logits[:, 0] > 0.0, tf.int32), state

        return tf.while_loop(lambda time, *_: time <= tf.reduce_max(lengths), advance, (0, ids, state))[1]

    variants: dict[str, Callable[[], Any]] = {
        f"step alone, K={width}": steps_alone,
        f"beam, K={width}": lambda: beam_search(step, beam_width=width, **inputs)[:4],
        f"beam, K={width}, nobody leaves": lambda: beam_search(
            step, beam_width=width, static_steps=2 * mean + 10, **inputs
        )[:4],
        f"beam, K={width}, alignments": lambda: beam_search(
            step, beam_width=width, return_alignments=True, **inputs
        ),
        f"beam, K={width}, stop_early=False": lambda: beam_search(
            step, beam_width=width, stop_early=False, **inputs
        )[:4],
        "greedy": lambda: greedy_search(step, **inputs)[:4],
        "greedy, nobody leaves": lambda: greedy_search(step, static_steps=2 * mean + 10, **inputs)[:4],
        "sample": lambda: sample(step, seed=tf.constant([1, 2]), **inputs)[:4],
        "sample, 50 likeliest": lambda: sample(step, seed=tf.constant([1, 2]), top_k=50, **inputs)[:4],
    }
    for name, function in variants.items():
        taken = milliseconds(tf.function(function))
        print(f"{name:28} {taken:8.0f} ms {1e3 * batch_size / taken:8.0f} sentences/s")


if __name__ == "__main__":
    main()
