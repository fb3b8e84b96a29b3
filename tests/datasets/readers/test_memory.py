"""However much text a small gzip file holds, reading and indexing it takes the memory of a part."""

from __future__ import annotations

import gzip
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seq2seq.datasets import Jsonl, ParallelText, Tsv
from seq2seq.datasets.batches.in_order import predict_lines
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.datasets.index import build_index as module
from seq2seq.datasets.index.build_index import build_index
from seq2seq.datasets.readers.input_lines import input_lines
from seq2seq.datasets.readers.manifest import Problems
from seq2seq.errors import UserError
from seq2seq.text.train import train_tokenizer

LINES = 5_000, 25_000
TOKENIZER = train_tokenizer(["a b c d"], kind="character", vocabulary_size=10)


def index_of(file: Path) -> None:
    options = dict(keep_all=False, keep_text=True, source_tokenizer=TOKENIZER, target_tokenizer=TOKENIZER)
    reader = ParallelText([file], [file])
    assert len(build_index(reader, file.parent / f"index of {file.name}", name="train", **options)) > 0


READING: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "parallel text": ("a b c d " * 5, lambda file: drain(ParallelText([file], [file]).pairs())),
    "tsv": ("a b\tc d", lambda file: drain(Tsv([file], source_column=0, target_column=1).pairs())),
    "jsonl": (
        '{"a": "a b", "b": "c d", "NUMBER": 0}',  # each line has a field of its own that is not read
        lambda file: drain(Jsonl([file], source_field="a", target_field="b").pairs()),
    ),
    "lines to translate": ("a b c d " * 5, lambda file: drain(input_lines([str(file)], None))),
    "index": ("a b", index_of),
}


def drain(values: Any) -> None:
    deque(values, maxlen=0)


@pytest.mark.parametrize("name", READING)
def test_memory_does_not_grow_with_the_text(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_PAIRS", 500)
    line, read = READING[name]
    peaks = []
    for lines in LINES:
        file = tmp_path / f"{lines}.gz"
        with gzip.open(file, "wt", compresslevel=1) as stream:
            stream.writelines(f"{line}\n".replace("NUMBER", str(number)) for number in range(lines))
        tracemalloc.start()
        try:
            read(file)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 50_000


def test_long_lines_are_translated_in_shorter_chunks() -> None:
    """So that none of them, which may have 16 MiB each, wait for 10,000 others."""
    held: list[int] = []

    def lines() -> Iterator[str]:
        for number in range(100):
            held.append(number)
            yield "a" * 1_000

    def predict(batch: Batch) -> list[int]:
        return batch.example_ids.tolist()

    options = dict(max_source_length=10, batch_type="examples", batch_size=8, chunk_characters=5_000)
    results = predict_lines(
        lines(), predict, empty=len, source_tokenizer=TOKENIZER, target_tokenizer=TOKENIZER, **options
    )
    seen = [(result, len(held)) for result in results]
    assert seen == [(number, number // 5 * 5 + 5) for number in range(100)]


def test_of_endless_problems_the_first_are_kept() -> None:
    problems = Problems()
    for number in range(10_000):
        problems.add(f"line {number}")
    assert len(problems._sentences) == 20
    with pytest.raises(UserError) as caught:
        problems.raise_any()
    assert str(caught.value).splitlines()[-2:] == ["line 19", "… and 9,980 more."]
