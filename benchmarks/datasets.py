"""Time and memory of the index and of an epoch's plan, on parallel text made for the purpose.

    python benchmarks/datasets.py [--pairs 10000000] [--workdir FOLDER]

What is asked of 10 million pairs on two cores: an index within 1 GB of resident memory, a plan within 30 s.
Each part runs in a process of its own, whose highest resident memory is what is told.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq.datasets import BatchMaker, PairIndex, ParallelText, batch_plan, build_index
from seq2seq.text import load_tokenizer, train_tokenizer

WORDS = 30_000
CHUNK = 50_000


def write_text(path: Path, pairs: int, seed: int) -> None:
    """Sentences of 4 to 40 words, whose frequencies follow Zipf's law."""
    generator = np.random.default_rng([seed, 0])
    letters = np.array(list("etaoinsrhldcumfpgwybvkxjqz"))
    chosen = [letters[generator.geometric(0.15, size) % 26] for size in generator.integers(1, 12, WORDS)]
    words = np.array(["".join(word) for word in chosen], object)
    shares = 1 / np.arange(1, WORDS + 1)
    cumulated = np.cumsum(shares / shares.sum())
    lengths = np.random.default_rng(1)  # the same for both sides, as in translations more or less
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for start in range(0, pairs, CHUNK):
            size = min(CHUNK, pairs - start)
            ends = np.cumsum(
                np.clip(lengths.gamma(3.0, 4.0, size) + generator.integers(0, 4, size), 4, 40).astype(int)
            )
            drawn = words[
                np.minimum(np.searchsorted(cumulated, generator.random(ends[-1])), WORDS - 1)
            ].tolist()
            begin = 0
            for end in ends.tolist():
                stream.write(" ".join(drawn[begin:end]) + "\n")
                begin = end


def prepare(folder: Path, pairs: int) -> dict[str, Any]:
    for seed, name in enumerate(("source", "target")):
        write_text(folder / name, pairs, seed)
    size = sum((folder / name).stat().st_size for name in ("source", "target"))
    return {"pairs": pairs, "megabytes": size // 10**6}


def reader(folder: Path) -> ParallelText:
    return ParallelText([folder / "source"], [folder / "target"])


def tokenizer(folder: Path, pairs: int) -> dict[str, Any]:
    texts = (text for pair in reader(folder).pairs() for text in pair)
    train_tokenizer(texts, kind="bpe", vocabulary_size=16_000).save(folder, "joint")
    return {}


def index(folder: Path, pairs: int) -> dict[str, Any]:
    joint = load_tokenizer(folder, "joint")
    built = build_index(
        reader(folder),
        folder,
        name="train",
        source_tokenizer=joint,
        target_tokenizer=joint,
        max_source_length=100,
        max_target_length=100,
        keep_all=False,
        keep_text=True,
    )
    return {
        "pairs": len(built),
        "megabytes": sum(file.stat().st_size for file in folder.glob("train-*/*")) // 10**6,
    }


def plan(folder: Path, pairs: int) -> dict[str, Any]:
    opened = PairIndex(next(folder.glob("train-*")))
    source, target = opened.source.lengths, opened.target.lengths
    planned = batch_plan(source, target, batch_type="tokens", batch_size=4096, seed=1, epoch=1)
    filled = (int(source.sum(dtype=np.int64)) + int(target.sum(dtype=np.int64)) + len(opened)) / (
        4096 * len(planned)
    )
    return {"batches": len(planned), "filled": round(filled, 3)}


def batches(folder: Path, pairs: int) -> dict[str, Any]:
    opened = PairIndex(next(folder.glob("train-*")))
    joint = load_tokenizer(folder, "joint")
    planned = batch_plan(
        opened.source.lengths, opened.target.lengths, batch_type="tokens", batch_size=4096, seed=1, epoch=1
    )
    make = BatchMaker(opened, joint, joint)
    number = min(len(planned), 2000)
    start = time.perf_counter()
    for i in range(number):
        make(planned[i])
    return {"batches": number, "milliseconds_a_batch": round((time.perf_counter() - start) / number * 1e3, 2)}


def measure(part: Callable[[Path, int], dict[str, Any]], folder: Path, pairs: int) -> None:
    """Runs a part and prints a line: its time, its process's highest resident memory, and what it returns."""
    start = time.perf_counter()
    results = part(folder, pairs)
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB
    told = "  ".join(f"{name} {value:,}" for name, value in results.items())
    print(f"{part.__name__:10} {seconds:8.1f} s  {memory:5.2f} GiB  {told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10_000_000)
    parser.add_argument(
        "--workdir", type=Path, help="where a temporary folder is made (10 million pairs: 8 GB)"
    )
    arguments = parser.parse_args()
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=arguments.workdir) as folder:
        for part in (prepare, tokenizer, index, plan, batches):
            process = fresh.Process(target=measure, args=(part, Path(folder), arguments.pairs))
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(f"{part.__name__} failed")


if __name__ == "__main__":
    main()
