"""Times an attention decoder over a known target, forward and backward, against a loop over TFA's AttentionWrapper.

    python benchmarks/decoder.py [--batch-size 32] [--source 100] [--target 40] [--units 320] [--memory 320]

Ours and the wrapper, whose gradient is automatic, take turns in one run and compute the same; the table gives the
median time of each and the median of their ratio, round by round.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from seq2seq.decoders.attention_decoder import AttentionDecoder
from seq2seq.layers.attention import KINDS, Memory
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.state import LSTMState, zero_state

CELLS = {"": CellOptions(), ", layer norm": CellOptions(layer_norm=True)}


Decode = Callable[[AttentionDecoder, tf.Tensor, tuple[LSTMState, ...], Memory], tf.Tensor]
"""``(decoder, inputs [B, T, E], cell states, memory)`` → features."""


def ours(
    decoder: AttentionDecoder, inputs: tf.Tensor, states: tuple[LSTMState, ...], memory: Memory
) -> tf.Tensor:
    return decoder(inputs, states, memory).features


def wrapper(
    decoder: AttentionDecoder, inputs: tf.Tensor, states: tuple[LSTMState, ...], memory: Memory
) -> tf.Tensor:
    """TFA's AttentionWrapper, whose call is a step of the decoder, in a loop."""
    steps = tf.shape(inputs)[1]
    time_major = tf.transpose(inputs, [1, 0, 2])

    def step(t, state, features):  # type: ignore[no-untyped-def]
        output, state = decoder.step(time_major[t], state, memory)
        return t + 1, state, features.write(t, output)

    start = (0, decoder.initial_state(states, memory), tf.TensorArray(tf.float32, size=steps))
    return tf.while_loop(lambda t, *_: t < steps, step, start)[-1].stack()


def call(
    decoder: AttentionDecoder, decode: Decode, inputs: tf.Tensor, memory: tf.Tensor, length: tf.Tensor
) -> Callable[[], object]:
    """A graph of one pass and its gradient."""
    states = tuple(zero_state(inputs.shape[0], cell.units) for cell in decoder.cell.cells)

    def run(inputs: tf.Tensor, memory: tf.Tensor, length: tf.Tensor) -> object:
        with tf.GradientTape() as tape:
            tape.watch([inputs, memory])
            prepared = decoder.prepare(memory, length)
            loss = tf.reduce_sum(tf.sin(decode(decoder, inputs, states, prepared)))
        return loss, tape.gradient(loss, [inputs, memory, *decoder.trainable_variables])

    function = tf.function(run, autograph=False)
    return lambda: tf.nest.map_structure(lambda x: x.numpy(), function(inputs, memory, length))


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in dict(batch_size=32, source=100, target=40, units=320, memory=320, rounds=9).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--kinds", nargs="+", default=[*KINDS], choices=KINDS)
    options = parser.parse_args()
    generator = np.random.default_rng(0)

    def normal(*shape: int) -> tf.Tensor:
        return tf.constant(generator.normal(size=shape), tf.float32)

    inputs = normal(options.batch_size, options.target, options.units)
    memory = normal(options.batch_size, options.source, options.memory)
    length = generator.integers(options.source // 2, options.source + 1, options.batch_size)
    print(f"{'milliseconds':32} {'ours':>8} {'wrapper':>8} {'wrapper / ours':>15}")
    for kind in options.kinds:
        for suffix, cell in CELLS.items():
            decoder = AttentionDecoder(
                layers=1,
                units=options.units,
                options=cell,
                input_depth=options.units,
                memory_depth=options.memory,
                attention_kind=kind,
                attention_size=options.units,
            )
            both = [call(decoder, decode, inputs, memory, tf.constant(length)) for decode in (ours, wrapper)]
            for run in both:
                run()
            times = np.array([[seconds(run) for run in both] for _ in range(options.rounds)])
            milliseconds = np.median(times, axis=0) * 1e3
            ratio = np.median(times[:, 1] / times[:, 0])
            print(
                f"{kind + suffix:32} {milliseconds[0]:8.0f} {milliseconds[1]:8.0f} {ratio:15.2f}", flush=True
            )


if __name__ == "__main__":
    main()
