"""Small pairs and tokenizers for the tests beside."""

from __future__ import annotations

from pathlib import Path

from seq2seq.datasets import ParallelText
from seq2seq.text import Normalizer, WordTokenizer

SOURCE = WordTokenizer(["a", "b", "c", "d"], Normalizer())
TARGET = WordTokenizer(["A", "B", "C", "D"], Normalizer("nfkc"))

# Empty sides, white space only, unknown words, characters outside of ASCII, unnormalised ones.
PAIRS = [
    ("a b", "A"),
    ("", "B"),
    ("c \u2028 ü", "Ｃ  A"),
    ("d", " \t"),
    ("a a a a a", "A A A"),
    ("b", "B C D A"),
    (" ", ""),
    ("d c b", "D"),
]


def parallel_text(folder: Path, pairs: list[tuple[str, str]]) -> ParallelText:
    folder.mkdir(exist_ok=True)
    for name, lines in zip(("source", "target"), zip(*pairs)):
        (folder / name).write_bytes("".join(f"{line}\n" for line in lines).encode())
    return ParallelText([folder / "source"], [folder / "target"])
