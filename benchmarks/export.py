"""An export beside its checkpoint: how long it takes to make and to load, how large it is, how fast it answers.

    python -m benchmarks.export RUN [--rounds 3] [--rounded] [--soak 2000] [KEY=VALUE …]

In one process: the run is exported (to a folder that is thrown away), loaded, and both answer the same validation
examples, one by one and in batches, turn by turn. The checkpoint answers as `predict` does: its graph, and its
tokenizer outside of it. Seconds are those of the clock and those of the processor, which are the ones to compare where
other programs run beside. With --rounded, exports with weights in bfloat16 and int8 take their turns, too.

The soak makes calls of random signatures, lengths, batch sizes and contents, right and wrong ones, and fails where an
error does not name its input, where nothing gets a text, where a graph is traced again, or where memory grows.
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable, NamedTuple, cast

import numpy as np
import tensorflow as tf

from seq2seq.datasets.batches.pairs import Ragged
from seq2seq.datasets.batches.speech import pad_waveforms
from seq2seq.runs.export import Exported, export
from seq2seq.runs.use import Run, load_run
from seq2seq.tasks.speech.task import SpeechTask

BATCHES = (8, 32, 64)
EXAMPLES, ALONE = 128, 40
ROUNDED = {"bfloat16": "export.precision=bfloat16", "int8": "export.weights=int8"}
Answer = Callable[[Sequence[Any]], Any]


class Seconds(NamedTuple):
    wall: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each of them has with each example")
    parser.add_argument("--rounded", action="store_true", help="measure bfloat16 and int8, too")
    parser.add_argument("--soak", type=int, default=0, help="so many calls of all kinds")
    arguments = parser.parse_args()
    run = load_run(arguments.run, arguments.overrides)
    examples = validation_inputs(run)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "float32", "1")
        describe("export", export(run, target))
        print(f"from starting Python to the first answer: {cold_start(run, target):.1f} s")
        start = time.perf_counter()
        loaded = tf.saved_model.load(str(target))
        print(f"load: {time.perf_counter() - start:.2f} s")
        sides = {"checkpoint": by_checkpoint(run), "export": by_export(run, loaded)}
        for name, override in ROUNDED.items() if arguments.rounded else ():
            target = Path(folder, name, "1")
            describe(name, export(load_run(arguments.run, [*arguments.overrides, override]), target))
            sides[name] = by_export(run, tf.saved_model.load(str(target)))
        compare(sides, examples, arguments.rounds)
        if arguments.soak:
            soak(run, loaded, examples, arguments.soak)


def describe(name: str, exported: Exported) -> None:
    weights = exported.manifest["weights"]
    metrics = "".join(f", {key} {value:.2f}" for key, value in weights.get("metrics", {}).items())
    print(
        f"{name}: written and checked in {exported.seconds:.1f} s, {exported.size / 1e6:.1f} MB,"
        f" of it weights {weights['bytes'] / 1e6:.1f} MB{metrics}"
    )
    if metrics:
        before = weights["metrics_float32"].items()
        print("    with the weights as they were" + "".join(f", {key} {value:.2f}" for key, value in before))


# --- speed ---


def compare(sides: dict[str, Answer], examples: Sequence[Any], rounds: int) -> None:
    medians: dict[str, list[Seconds]] = {name: [] for name in sides}
    alone = measure(sides, [[example] for example in examples[:ALONE]], rounds)
    for name, seconds in alone.items():
        wall = [1000 * each.wall for each in seconds]
        medians[name].append(middle(seconds))
        print(
            f"{name:<10} batch 1: median {np.median(wall):.1f} ms, 99th percentile {np.percentile(wall, 99):.1f} ms,"
            f" median of the processor's time {1000 * middle(seconds).processor:.1f} ms"
        )
    speeds: dict[str, dict[int, Seconds]] = {name: {} for name in sides}
    for size in BATCHES:
        batches = [examples[start : start + size] for start in range(0, len(examples), size)]
        for name, seconds in measure(sides, batches, rounds).items():
            turns = [seconds[turn :: len(batches)] for turn in range(len(batches))]  # of each batch
            speeds[name][size] = Seconds(
                *(
                    len(examples) / sum(min(column) for column in columns)
                    for columns in zip(*map(zipped, turns))
                )
            )
    for name, by_size in speeds.items():
        size = max(by_size, key=lambda each: by_size[each].processor)
        print(
            f"{name:<10} throughput: {by_size[size].wall:.1f} examples/s, {by_size[size].processor:.1f} per second of"
            f" the processor, at batches of {size}"
        )
        medians[name].append(Seconds(*(1 / speed for speed in by_size[size])))
    for name in sides:
        if name != "checkpoint":
            latency, throughput = (
                Seconds(*(ours / theirs for ours, theirs in zip(*pair)))
                for pair in zip(medians[name], medians["checkpoint"])
            )
            print(
                f"{name} / checkpoint, time: at batch 1 {latency.wall:.2f} ({latency.processor:.2f} of the"
                f" processor's), at the best batch {throughput.wall:.2f} ({throughput.processor:.2f})"
            )


def measure(
    sides: dict[str, Answer], batches: Sequence[Sequence[Any]], rounds: int
) -> dict[str, list[Seconds]]:
    """Turn by turn, batch by batch."""
    for answer in sides.values():
        answer(batches[0])
    found: dict[str, list[Seconds]] = {name: [] for name in sides}
    for _ in range(rounds):
        for batch in batches:
            for name, answer in sides.items():
                wall, processor = time.perf_counter(), time.process_time()
                answer(batch)
                found[name].append(Seconds(time.perf_counter() - wall, time.process_time() - processor))
    return found


def middle(seconds: Sequence[Seconds]) -> Seconds:
    return Seconds(*map(statistics.median, zipped(seconds)))


def zipped(seconds: Sequence[Seconds]) -> list[tuple[float, ...]]:
    return list(zip(*seconds))


def validation_inputs(run: Run) -> list[Any]:
    index: Any = run.index("val")
    rows = range(min(len(index), EXAMPLES))
    if "transcribe" in run.task.verbs:
        return [index.waveform(row) for row in rows]
    return index.source.texts(np.array(rows))


def by_checkpoint(run: Run) -> Answer:
    if "transcribe" in run.task.verbs:
        words, task = run.config.task.ctc_weight > 0, cast(SpeechTask, run.task)
        return task.transcriber(run.model, run.tokenizers, timestamps=words).transcribe_batch
    translator = run.task.predictor(run.model, run.tokenizers)
    return lambda texts: list(translator.predict(texts))


def by_export(run: Run, loaded: Any) -> Answer:
    if "transcribe" in run.task.verbs:
        rate = tf.constant(run.model.features.options.sample_rate)

        def transcribe(audio: Sequence[np.ndarray]) -> Any:
            waveforms, lengths = map(tf.constant, pad_waveforms(audio))
            answer = loaded.signatures["transcribe"](waveforms=waveforms, lengths=lengths, sample_rate=rate)
            return {name: value.numpy() for name, value in answer.items()}

        return transcribe
    if "translate" in loaded.signatures:
        return lambda texts: loaded.signatures["translate"](tf.constant(texts))["n_best"].numpy()

    def translate_tokens(texts: Sequence[str]) -> Any:
        ragged = Ragged.of(run.tokenizers.source.encode(texts))
        ids = tf.RaggedTensor.from_row_lengths(ragged.values, ragged.lengths).to_tensor()
        answer = loaded.signatures["translate_tokens"](ids=ids, lengths=tf.constant(ragged.lengths))
        return answer["n_best"].numpy()

    return translate_tokens


def cold_start(run: Run, target: Path) -> float:
    """Seconds from starting Python to the first answer, in a process of its own."""
    if "transcribe" in run.task.verbs:
        rate = run.model.features.options.sample_rate
        call = (
            f"waveforms=tf.zeros([1, {rate}]), lengths=tf.constant([{rate}]), sample_rate=tf.constant({rate})"
        )
    elif str(run.config.export.tokenizer) == "none":
        call = "ids=tf.constant([[5, 6]]), lengths=tf.constant([2])"
    else:
        call = 'tf.constant(["hello"])'
    program = (
        "import tensorflow as tf\n"
        f"loaded = tf.saved_model.load({str(target)!r})\n"
        f"loaded.signatures['serving_default']({call})"
    )
    start = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True)
    return time.perf_counter() - start


# --- soak ---


class RandomCall(NamedTuple):
    """
    Attributes:
      problems: inputs that are wrong.
      nothing: which rows are to get no text.
    """

    signature: str
    inputs: dict[str, Any]
    problems: list[str]
    nothing: list[bool]


MakeCall = Callable[[np.random.Generator], RandomCall]


def soak(run: Run, loaded: Any, examples: Sequence[Any], calls: int) -> None:
    """Calls of all kinds."""
    generator = np.random.default_rng(1)
    if "transcribe" in run.task.verbs:
        make = random_sound(run, loaded)
    else:
        make = random_text(loaded, examples, min(each.vocabulary_size for each in run.tokenizers))
    counts = {"answered": 0, "refused": 0}
    resident: list[int] = []
    slowest = 0.0
    for number in range(calls):
        call = make(generator)
        function = loaded.signatures[call.signature] if number % 2 else getattr(loaded, call.signature)
        start = time.perf_counter()
        try:
            outputs = function(**{key: tf.constant(value) for key, value in call.inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            counts["refused"] += 1
            if not any(f"[{problem}:" in str(error) for problem in call.problems):
                raise SystemExit(f"call {number}: refused without naming {call.problems}: {error}") from error
        else:
            counts["answered"] += 1
            if call.problems:
                raise SystemExit(f"call {number}: {call.signature} answered wrong {call.problems}")
            texts = outputs["text"].numpy() if "text" in outputs else [b""] * len(call.nothing)
            if any(text for text, nothing in zip(texts, call.nothing) if nothing):
                raise SystemExit(f"call {number}: a text for nothing: {texts}")
        slowest = max(slowest, time.perf_counter() - start)
        if (number + 1) % max(1, calls // 20) == 0:
            resident.append(resident_bytes())
    half, peak = len(resident) // 2, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB
    grown = statistics.median(resident[half:]) - statistics.median(resident[half // 2 : half])
    print(
        f"soak: {calls} calls, {json.dumps(counts)}, the slowest {slowest:.1f} s; resident memory"
        f" {resident[0] / 1e6:.0f} MB after a twentieth, {resident[half] / 1e6:.0f} MB half way,"
        f" {resident[-1] / 1e6:.0f} MB at the end, peak {1024 * peak / 1e6:.0f} MB;"
        f" graphs traced again: {retraced(loaded)}"
    )
    if retraced(loaded):
        raise SystemExit("graphs were traced again")
    if grown > 0.05 * resident[half]:
        raise SystemExit(f"resident memory grew by {grown / 1e6:.0f} MB")


def retraced(loaded: Any) -> int:
    """How often functions of an export were traced again; calling one for the first time counts as a trace."""
    functions = [getattr(loaded, name) for name in loaded.signatures if hasattr(loaded, name)]
    return sum(max(0, function.experimental_get_tracing_count() - 1) for function in functions)


def random_options(generator: np.random.Generator) -> tuple[dict[str, Any], list[str]]:
    options: dict[str, Any] = {
        "beam_width": np.int32(generator.integers(1, 9)),
        "length_penalty": np.float32(generator.uniform(0.0, 2.0)),
        "max_length": np.int32(generator.integers(0, 30)),
    }
    wrong = {"beam_width": [0, 101], "length_penalty": [-1.0, np.nan], "max_length": [-1, 1001]}
    if generator.integers(0, 10):
        return options, []
    problem = str(generator.choice(list(wrong)))
    options[problem] = generator.choice(wrong[problem]).astype(options[problem].dtype)
    return options, [problem]


def random_text(loaded: Any, examples: Sequence[str], vocabulary_size: int) -> MakeCall:
    words = [*" ".join(examples).split(), "🙂", "e\u0301", "\u200b", "ﬁ", "\t", "\x00", "x" * 200]
    signatures = [
        name for name in loaded.signatures if name.startswith(("translate", "score", "encode", "tokenize"))
    ]

    def texts(generator: np.random.Generator, rows: int) -> list[str]:
        return [
            " ".join(generator.choice(words, int(generator.choice([0, 1, generator.integers(60)]))))
            for _ in range(rows)
        ]

    def strings(rows: Sequence[str]) -> np.ndarray:
        return np.array(rows, object) if rows else np.zeros([0], "S1")

    def random_ids(generator: np.random.Generator, rows: int, prefix: str) -> dict[str, Any]:
        ids = generator.integers(0, vocabulary_size, [rows, generator.integers(0, 40)]).astype(np.int32)
        lengths = generator.integers(0, ids.shape[1] + 1, rows).astype(np.int32)
        return {f"{prefix}ids": ids, f"{prefix}lengths": lengths}

    def make(generator: np.random.Generator) -> RandomCall:
        name, rows = str(generator.choice(signatures)), int(generator.integers(0, 17))
        inputs: dict[str, Any] = {}
        problems: list[str] = []
        nothing = [False] * rows
        if name in ("translate", "translate_with_options", "tokenize"):
            lines = texts(generator, rows)
            inputs, nothing = {"text": strings(lines)}, [not line.strip() for line in lines]
        elif name == "score":
            inputs = {side: strings(texts(generator, rows)) for side in ("source", "target")}
            if generator.integers(0, 10) == 0:
                inputs["target"], problems = strings([*inputs["target"], "one more"]), ["target"]
        else:
            prefixes = ["source_", "target_"] if name == "score_tokens" else [""]
            for prefix in prefixes:
                inputs.update(random_ids(generator, rows, prefix))
            prefix = str(generator.choice(prefixes))
            kind = generator.integers(0, 15)
            if kind == 0 and rows:
                inputs[f"{prefix}lengths"] += np.int32(inputs[f"{prefix}ids"].shape[1] + 1)
                problems = [f"{prefix}lengths"]
            elif kind == 1 and inputs[f"{prefix}lengths"].any():
                inputs[f"{prefix}ids"][:, 0] = generator.choice([-1, 2**30])
                problems = [f"{prefix}ids"]
            if name != "score_tokens":
                nothing = (inputs["lengths"] == 0).tolist()
        if name.endswith("_with_options"):
            options, wrong = random_options(generator)
            inputs.update(options)
            problems = problems + wrong
        return RandomCall(name, inputs, problems, nothing)

    return make


def random_sound(run: Run, loaded: Any) -> MakeCall:
    rate = run.model.features.options.sample_rate
    signatures = [
        name
        for name in ("transcribe", "transcribe_with_options", "features", "encode")
        if name in loaded.signatures
    ]

    def make(generator: np.random.Generator) -> RandomCall:
        name, rows = str(generator.choice(signatures)), int(generator.integers(0, 5))
        longest = int(
            generator.choice([1, 100, generator.integers(1, 4 * rate), 60 * rate], p=[0.1, 0.1, 0.79, 0.01])
        )
        rows = min(rows, 1) if longest > 30 * rate else rows
        waveforms = generator.uniform(-0.5, 0.5, [rows, longest]).astype(np.float32)
        lengths = generator.integers(0, longest + 1, rows).astype(np.int32)
        lengths[:1] = generator.choice([longest, *lengths[:1]])
        inputs: dict[str, Any] = {"waveforms": waveforms, "lengths": lengths, "sample_rate": np.int32(rate)}
        problems: list[str] = []
        kind = generator.integers(0, 20)
        if kind == 0 and rows:
            inputs["lengths"], problems = lengths + np.int32(longest + 1), ["lengths"]
        elif kind == 1:
            inputs["sample_rate"], problems = np.int32(rate + 1), ["sample_rate"]
        elif kind == 2 and rows and lengths[0]:
            waveforms[0, generator.integers(lengths[0])] = generator.choice([np.nan, np.inf])
            problems = ["waveforms"]
        if name == "transcribe_with_options":
            options, wrong = random_options(generator)
            inputs.update(options)
            problems = problems + wrong
        return RandomCall(name, inputs, problems, (inputs["lengths"] == 0).tolist())

    return make


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
