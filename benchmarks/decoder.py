"""Times an attention decoder over a known target, forward and backward, against a loop over TFA's AttentionWrapper.

    python benchmarks/decoder.py [--batch-size 32] [--source 100] [--target 40] [--units 320] [--memory 320]

Ours and the wrapper, whose gradient is automatic, take turns in one run and do the same work (for location attention,
which Addons lacks, it is a loop over our own single steps); the table gives the median time of each and the median of
their ratio, round by round.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.attention import ATTENTIONS
from seq2seq.decoders.attention_decoder import AttentionDecoder, AttentionOptions
from seq2seq.layers.addons import tfa
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.state import LSTMState, zero_state

CELLS = {"": CellOptions(), ", layer norm": CellOptions(layer_norm=True)}


ADDONS = {
    "luong": lambda units: tfa.seq2seq.LuongAttention(units, scale=True),
    "bahdanau": lambda units: tfa.seq2seq.BahdanauAttention(units, normalize=True),
    "luong_monotonic": lambda units: tfa.seq2seq.LuongMonotonicAttention(units, scale=True),
    "bahdanau_monotonic": lambda units: tfa.seq2seq.BahdanauMonotonicAttention(units, normalize=True),
}
Decode = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""``(inputs [B, T, E], memory [B, S, D], length [B])`` → features."""


def whole(decoder: AttentionDecoder) -> Decode:
    """The whole target at once."""

    def decode(inputs: tf.Tensor, memory: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        return decoder(inputs, start_states(decoder, inputs), decoder.prepare(memory, length)).features

    return decode


def addons(decoder: AttentionDecoder, kind: str) -> Decode:
    """TFA's AttentionWrapper over the same cells, in a loop; our own steps where Addons has no such mechanism."""
    mechanism = ADDONS[kind](decoder.mechanism.units) if kind in ADDONS else None
    wrapper = None
    if mechanism is not None:
        wrapper = tfa.seq2seq.AttentionWrapper(
            decoder.cell, mechanism, attention_layer=decoder.attention_layer
        )

    def decode(inputs: tf.Tensor, memory: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        rows, steps = tf.shape(inputs)[0], tf.shape(inputs)[1]
        time_major = tf.transpose(inputs, [1, 0, 2])
        states = start_states(decoder, inputs)
        if wrapper is None:
            prepared = decoder.prepare(memory, length)
            start = decoder.initial_state(states, prepared)
            one = lambda x, state: decoder.step(x, state, prepared)  # noqa: E731
        else:
            mechanism.setup_memory(memory, memory_sequence_length=length)
            start = wrapper.get_initial_state(batch_size=rows, dtype=tf.float32).clone(cell_state=states)
            one = wrapper

        def step(t, state, features):  # type: ignore[no-untyped-def]
            output, state = one(time_major[t], state)
            return t + 1, state, features.write(t, output)

        loop = (0, start, tf.TensorArray(tf.float32, size=steps))
        return tf.while_loop(lambda t, *_: t < steps, step, loop)[-1].stack()

    return decode


def start_states(decoder: AttentionDecoder, inputs: tf.Tensor) -> tuple[LSTMState, ...]:
    return tuple(zero_state(inputs.shape[0], cell.units) for cell in decoder.cell.cells)


def call(
    decoder: AttentionDecoder, decode: Decode, inputs: tf.Tensor, memory: tf.Tensor, length: tf.Tensor
) -> Callable[[], object]:
    """A graph of one pass and its gradient."""
    decode(inputs, memory, length)  # makes the weights that are not there yet

    def run(inputs: tf.Tensor, memory: tf.Tensor, length: tf.Tensor) -> object:
        with tf.GradientTape() as tape:
            tape.watch([inputs, memory])
            loss = tf.reduce_sum(tf.sin(decode(inputs, memory, length)))
        return loss, tape.gradient(loss, [inputs, memory, *tape.watched_variables()])

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
    parser.add_argument("--kinds", nargs="+", default=[*ATTENTIONS], choices=ATTENTIONS)
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
                attention=AttentionOptions(size=options.units, mechanism=ATTENTIONS[kind].target),
            )
            both = [
                call(decoder, decode, inputs, memory, tf.constant(length, tf.int32))
                for decode in (whole(decoder), addons(decoder, kind))
            ]
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
