"""An export beside its checkpoint: how long it takes to make and to load, how large it is, how fast it answers.

    python -m benchmarks.export RUN [--rounds 3] [--soak 2000] [KEY=VALUE …]

In one process: the run is exported (to a folder that is thrown away), loaded, and both answer the same validation
examples, one by one and in batches, turn by turn. The checkpoint answers as `predict` does: its graph, and its
tokenizer outside of it. The soak makes calls of random lengths, batch sizes and contents, right and wrong ones, and
fails where an error does not name its input, where nothing gets a text, or where memory grows.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np
import tensorflow as tf

from seq2seq.datasets.speech_batch import pad_waveforms
from seq2seq.serving.export import export
from seq2seq.tasks.build import build_transcriber, build_translator
from seq2seq.training.run import Run, load_run

BATCHES = (8, 32, 64)
ALONE = 40
Answer = Callable[[list[Any]], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--rounds", type=int, default=3, help="the fastest of so many counts")
    parser.add_argument("--soak", type=int, default=0, help="so many calls of all kinds")
    arguments = parser.parse_args()
    run = load_run(arguments.run, arguments.overrides)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "1")
        exported = export(run, target)
        library = exported.manifest["ops"]["library"]
        if library:
            __import__(library)
        print(f"export and check {exported.seconds:.1f} s, {exported.size / 1e6:.1f} MB")
        print(f"cold: import of TensorFlow, load and first answer {cold_start(run, target, library):.1f} s")
        start = time.perf_counter()
        loaded = tf.saved_model.load(str(target))
        print(f"load {time.perf_counter() - start:.2f} s")
        compare(run, loaded, arguments.rounds)
        if arguments.soak:
            soak(run, loaded, arguments.soak)


# --- speed ---


def compare(run: Run, loaded: Any, rounds: int) -> None:
    examples = inputs(run)
    sides = {"checkpoint": by_checkpoint(run), "export": by_export(run, loaded)}
    for answer in sides.values():
        answer(examples[:2])
    alone = examples[:ALONE]
    latencies: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, answer in sides.items():
            latencies[name] += [timed(answer, [example]) for example in alone]
    for name, seconds in latencies.items():
        milliseconds = 1000 * np.array(seconds)
        print(
            f"{name:<10} batch 1: median {np.median(milliseconds):.1f} ms,"
            f" 99th percentile {np.percentile(milliseconds, 99):.1f} ms"
        )
    speeds: dict[str, dict[int, float]] = {name: {} for name in sides}
    for size in BATCHES:
        batches = [examples[start : start + size] for start in range(0, len(examples), size)]
        best = dict.fromkeys(sides, float("inf"))
        for _ in range(rounds):
            for name, answer in sides.items():
                best[name] = min(best[name], sum(timed(answer, batch) for batch in batches))
        for name in sides:
            speeds[name][size] = len(examples) / best[name]
    for name, by_size in speeds.items():
        size = max(by_size, key=lambda each: by_size[each])
        print(f"{name:<10} throughput {by_size[size]:.1f} examples/s, at batches of {size}")
    medians = {name: statistics.median(seconds) for name, seconds in latencies.items()}
    print(
        f"export / checkpoint: latency {medians['export'] / medians['checkpoint']:.2f},"
        f" throughput {max(speeds['export'].values()) / max(speeds['checkpoint'].values()):.2f}"
    )


def inputs(run: Run) -> list[Any]:
    index: Any = run.index("val")
    rows = range(min(len(index), 128))
    if run.hears:
        return [index.waveform(row) for row in rows]
    return index.source.texts(np.array(rows))


def by_checkpoint(run: Run) -> Answer:
    if run.hears:
        transcriber = build_transcriber(
            run.config, run.model, run.tokenizers, timestamps=run.config.task.ctc_weight > 0
        )
        return transcriber.transcribe_batch
    translator = build_translator(run.config, run.model, run.tokenizers)
    return lambda texts: list(translator.translate(texts))


def by_export(run: Run, loaded: Any) -> Answer:
    if run.hears:
        rate = tf.constant(run.model.features.options.sample_rate)

        def transcribe(sound: list[np.ndarray]) -> Any:
            waveforms, lengths = map(tf.constant, pad_waveforms(sound))
            answer = loaded.signatures["transcribe"](waveforms=waveforms, lengths=lengths, sample_rate=rate)
            return answer["text"].numpy()

        return transcribe
    if "translate" in loaded.signatures:
        return lambda texts: loaded.signatures["translate"](tf.constant(texts))["text"].numpy()
    raise SystemExit(
        "This export has its tokenizer outside; install TensorFlow Text to compare from text to text."
    )


def timed(answer: Answer, batch: list[Any]) -> float:
    start = time.perf_counter()
    answer(batch)
    return time.perf_counter() - start


def cold_start(run: Run, target: Path, library: str | None) -> float:
    """Seconds from starting Python to the first answer, in a process of its own."""
    call = (
        "waveforms=tf.zeros([1, 16000]), lengths=tf.constant([16000]),"
        f" sample_rate=tf.constant({run.model.features.options.sample_rate})"
        if run.hears
        else 'tf.constant(["hello"])'
    )
    program = (
        f"import tensorflow as tf\n{f'import {library}' if library else ''}\n"
        f"loaded = tf.saved_model.load({str(target)!r})\n"
        f"loaded.signatures['serving_default']({call})"
    )
    start = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True)
    return time.perf_counter() - start


# --- soak ---


def soak(run: Run, loaded: Any, calls: int) -> None:
    """Calls of all kinds."""
    generator = np.random.default_rng(1)
    make = random_sound(run) if run.hears else random_text(run)
    name = "transcribe" if run.hears else "translate"
    signature = loaded.signatures[name]
    counts = {"answered": 0, "refused": 0}
    resident: list[int] = []
    slowest = 0.0
    for number in range(calls):
        given, problem = make(generator)
        start = time.perf_counter()
        try:
            outputs = signature(**{key: tf.constant(value) for key, value in given.items()})
        except tf.errors.InvalidArgumentError as error:
            counts["refused"] += 1
            if problem is None or f"[{problem}:" not in str(error):
                raise SystemExit(f"call {number}: refused without naming {problem}: {error}") from error
        else:
            counts["answered"] += 1
            if problem is not None:
                raise SystemExit(f"call {number}: a wrong {problem} was answered")
            texts, empty = outputs["text"].numpy(), empty_rows(given)
            if any(text for text, nothing in zip(texts, empty) if nothing):
                raise SystemExit(f"call {number}: a text for nothing: {texts}")
        slowest = max(slowest, time.perf_counter() - start)
        if number % max(1, calls // 20) == calls // 20 - 1:
            resident.append(resident_bytes())
    half, peak = len(resident) // 2, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB
    grown = statistics.median(resident[half:]) - statistics.median(resident[half // 2 : half])
    print(
        f"soak: {calls} calls, {json.dumps(counts)}, the slowest {slowest:.1f} s; resident memory"
        f" {resident[0] / 1e6:.0f} MB after a twentieth, {resident[half] / 1e6:.0f} MB half way,"
        f" {resident[-1] / 1e6:.0f} MB at the end, peak {1024 * peak / 1e6:.0f} MB"
    )
    if grown > 0.05 * resident[half]:
        raise SystemExit(f"resident memory grew by {grown / 1e6:.0f} MB")


def empty_rows(given: dict[str, Any]) -> list[bool]:
    if "lengths" in given:
        return [length == 0 for length in given["lengths"]]
    return [not text.strip() for text in given["text"]]


def random_text(run: Run) -> Callable[[np.random.Generator], tuple[dict[str, Any], str | None]]:
    words = [*" ".join(inputs(run)).split(), "🙂", "e\u0301", "\u200b", "ﬁ", "\t", "x" * 200]

    def make(generator: np.random.Generator) -> tuple[dict[str, Any], str | None]:
        rows = [
            " ".join(generator.choice(words, int(generator.choice([0, 1, generator.integers(60)]))))
            for _ in range(generator.integers(0, 17))
        ]
        return {"text": np.array(rows, object) if rows else np.zeros([0], "S1")}, None

    return make


def random_sound(run: Run) -> Callable[[np.random.Generator], tuple[dict[str, Any], str | None]]:
    rate = run.model.features.options.sample_rate

    def make(generator: np.random.Generator) -> tuple[dict[str, Any], str | None]:
        rows = int(generator.integers(0, 5))
        longest = int(
            generator.choice([1, 100, generator.integers(1, 4 * rate), 60 * rate], p=[0.1, 0.1, 0.79, 0.01])
        )
        rows = min(rows, 1) if longest > 30 * rate else rows
        waveforms = generator.uniform(-0.5, 0.5, [rows, longest]).astype(np.float32)
        lengths = generator.integers(0, longest + 1, rows).astype(np.int32)
        given: dict[str, Any] = {"waveforms": waveforms, "lengths": lengths, "sample_rate": np.int32(rate)}
        problem = None
        kind = generator.integers(0, 20)
        if kind == 0 and rows:
            given["lengths"], problem = lengths + np.int32(longest + 1), "lengths"
        elif kind == 1:
            given["sample_rate"], problem = np.int32(rate + 1), "sample_rate"
        elif kind == 2 and rows and lengths[0]:
            waveforms[0, generator.integers(lengths[0])] = generator.choice([np.nan, np.inf])
            problem = "waveforms"
        return given, problem

    return make


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
