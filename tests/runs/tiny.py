"""A translation run that is trained in seconds, and has everything that a run has."""

from __future__ import annotations

from pathlib import Path

LINES = ["a dog runs", "the dog sleeps", "a cat runs fast", "the cat sees the dog", "dogs run", "cats sleep"]

OPTIONS = [
    "data=parallel_text",
    *(f"data.{split}.{side}={side}" for split in ("train", "val", "test") for side in ("source", "target")),
    "data.batch.type=examples",
    "data.batch.size=2",
    "data.tokenizer.kind=word",
    "model.embedding.size=4",
    "model.encoder.units=4",
    "model.decoder.units=4",
    "model.decoder.attention.layer_size=4",
    "training.progress=false",
    "training.plots=false",
    "training.report_every=1",
    "training.max_steps=2",
    "training.validate_every=1",
    "task.examples_shown=0",
]


def write_corpus(folder: Path) -> list[str]:
    """Files of pairs; returns the options of a run that is trained on them."""
    for side in ("source", "target"):
        (folder / side).write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    return [*OPTIONS, f"data.root={folder}"]
