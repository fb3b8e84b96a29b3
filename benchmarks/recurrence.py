"""Times an LSTM over time against ``keras.layers.LSTM`` and, where it is installed, ``torch.nn.LSTM``.

    python benchmarks/recurrence.py [--batch-sizes 1 64 256] [--time 32] [--units 512] [--rounds 9]
    python benchmarks/recurrence.py --memory [--time 1000]

All of it takes turns in one run; the table gives the median time of each and the median of its ratio, round by round,
to Keras' layer without a mask. ``strict`` reads rows of unequal length, ``none`` the same tensor as data from end to
end. With ``--memory``: what forward and backward add to the peak of resident memory, each in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.layers.recurrence import LSTM

CELLS = {
    "peepholes": CellOptions(use_peepholes=True),
    "projection": CellOptions(num_proj=256),
    "layer norm": CellOptions(layer_norm=True),
}
MEMORY_OF = ("ours", "ours, peepholes", "Keras")

Call = Callable[[], object]


def sizes(batch_size: int, steps: int, units: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs [B, T, units], lengths [B] from half of T up, and what the outputs are weighed with in the loss."""
    generator = np.random.default_rng(0)
    shape = (batch_size, steps, units)
    inputs, weights = (generator.normal(size=shape).astype(np.float32) for _ in range(2))
    lengths = generator.integers(steps // 2, steps + 1, batch_size).astype(np.int32)
    lengths[0] = steps
    return inputs, lengths, weights


def tensorflow_call(layer: keras.layers.Layer, weights: np.ndarray, backward: bool, *args: tf.Tensor) -> Call:
    """A graph of one pass through ``layer(*args)``, whose first result is the outputs."""

    def run(*args: tf.Tensor) -> object:
        with tf.GradientTape() as tape:
            tape.watch(args[0])
            loss = tf.reduce_sum(layer(*args)[0] * weights)
        return (loss, tape.gradient(loss, [args[0], *layer.trainable_variables])) if backward else loss

    function = tf.function(run, autograph=False)
    return lambda: tf.nest.map_structure(lambda x: x.numpy(), function(*args))


class _Masked(keras.layers.Layer):
    """Keras' layer told the lengths, as a mask; made to do what ours does, zeros past the length."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.lstm = keras.layers.LSTM(
            units, return_sequences=True, return_state=True, zero_output_for_mask=True
        )

    def call(self, inputs: tf.Tensor, length: tf.Tensor) -> list[tf.Tensor]:
        return self.lstm(inputs, mask=tf.sequence_mask(length, tf.shape(inputs)[1]))


def torch_call(units: int, inputs: np.ndarray, weights: np.ndarray, backward: bool) -> Call | None:
    """The same in PyTorch, without lengths; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    layer = torch.nn.LSTM(inputs.shape[-1], units, batch_first=True)
    x, w = torch.from_numpy(inputs).requires_grad_(), torch.from_numpy(weights)

    def run() -> object:
        if not backward:
            with torch.no_grad():
                return (layer(x)[0] * w).sum().item()
        layer.zero_grad()
        x.grad = None
        loss = (layer(x)[0] * w).sum()
        loss.backward()
        return loss.item()

    return run


def calls(batch_size: int, steps: int, units: int, backward: bool) -> dict[str, Call]:
    """By name, everything that is compared at one size."""
    inputs, lengths, weights = sizes(batch_size, steps, units)
    x, length, full = tf.constant(inputs), tf.constant(lengths), tf.fill([batch_size], steps)
    layer = keras.layers.LSTM(units, return_sequences=True, return_state=True)
    found = {
        "Keras": tensorflow_call(layer, weights, backward, x),
        "Keras, mask": tensorflow_call(_Masked(units), weights, backward, x, length),
        "ours, none": tensorflow_call(LSTM(units), weights, backward, x, full),
        "ours, strict": tensorflow_call(LSTM(units), weights, backward, x, length),
    }
    for name, options in CELLS.items():
        kept = weights[..., : options.num_proj or units]
        found[f"ours, {name}"] = tensorflow_call(LSTM(units, options=options), kept, backward, x, length)
    torch = torch_call(units, inputs, weights, backward)
    if torch is None:
        print("PyTorch is not installed and not measured.")
    return {**found, "PyTorch": torch} if torch else found


def compare(batch_size: int, steps: int, units: int, backward: bool, rounds: int) -> None:
    what = calls(batch_size, steps, units, backward)
    for call in what.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in what}
    for number in range(rounds):
        order = list(what) if number % 2 == 0 else list(reversed(what))
        for name in order:
            begin = time.perf_counter()
            what[name]()
            times[name].append(time.perf_counter() - begin)
    print(f"\nB={batch_size} T={steps} units={units}, {'forward and backward' if backward else 'forward'}")
    for name, seconds in times.items():
        ratio = np.median(np.array(seconds) / np.array(times["Keras"]))
        print(f"  {name:<18} {1e3 * np.median(seconds):9.1f} ms   {ratio:5.2f} of Keras")
    masked, unmasked = times["ours, strict"], times["ours, none"]
    print(f"  strict over none   {np.median(np.array(masked) / np.array(unmasked)):.2f}")


def added_memory(name: str, batch_size: int, steps: int, units: int) -> float:
    """MiB that one forward and backward pass adds to the peak of this process."""
    inputs, lengths, weights = sizes(batch_size, steps, units)
    x, length = tf.constant(inputs), tf.constant(lengths)
    if name == "Keras":
        layer = keras.layers.LSTM(units, return_sequences=True, return_state=True)
        call = tensorflow_call(layer, weights, True, x)
    else:
        options = CellOptions(use_peepholes="peepholes" in name)
        call = tensorflow_call(LSTM(units, options=options), weights, True, x, length)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    call()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 64, 256])
    parser.add_argument("--time", type=int)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--memory-of", choices=MEMORY_OF, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(f"{added_memory(options.memory_of, 64, options.time or 1000, options.units):.0f}")
    elif options.memory:
        steps = options.time or 1000
        tensor = 64 * steps * options.units * 4 / 2**20
        print(f"B=64 T={steps} units={options.units}; one [B, T, units] float32 is {tensor:.0f} MiB")
        for name in MEMORY_OF:
            command = [
                sys.executable,
                __file__,
                "--memory-of",
                name,
                "--time",
                str(steps),
                "--units",
                str(options.units),
            ]
            added = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(f"  {name:<18} {added:8.0f} MiB, {added / tensor:.1f} such tensors")
    else:
        for batch_size in options.batch_sizes:
            for backward in (False, True):
                compare(batch_size, options.time or 32, options.units, backward, options.rounds)


if __name__ == "__main__":
    main()
