"""Proves that an export answers like the checkpoint: examples of every signature, checked in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.errors import UserError
from seq2seq.serving import standalone_check

BATCH = 32
ALONE = 3
"""Examples that are asked about one by one of every signature; the default one is asked about all of them."""

TEXT_OUTPUTS = ("text", "n_best", "scores")


class Call(NamedTuple):
    """What a signature is given and what it has to answer: arrays of numbers, (nested) lists of strings."""

    signature: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def another_search(search: SearchConfig, limits: ExportConfig) -> tuple[SearchConfig, dict[str, Any]]:
    """A wider search of short targets, and the options that ask for it."""
    width = search.width + 2
    width, length = min(width, limits.max_beam_width, limits.max_hypotheses), min(7, limits.max_tokens)
    changed = replace(
        search,
        name=SearchName.beam,
        beam_width=width,
        n_best=width,
        length_penalty=0.7,
        max_length_ratio=0.0,
        max_length_offset=length,
    )
    options = {
        "beam_width": np.int32(width),
        "length_penalty": np.float32(0.7),
        "max_length": np.int32(length),
    }
    return changed, options


def batch_size(limits: ExportConfig, beam_width: int) -> int:
    """Of the largest batch that is asked about."""
    return min(BATCH, limits.max_batch, limits.max_hypotheses // beam_width)


def batches(rows: Sequence[int], size: int) -> Iterator[list[int]]:
    """All rows one by one, then all of them in batches.

    Raises:
      UserError: there are no rows.
    """
    if not rows:
        raise UserError(
            "The validation data has nothing to check an export on: no example that is neither empty nor beyond the"
            " limits of export.max_tokens, export.max_bytes and export.max_seconds."
        )
    yield from ([row] for row in rows)
    yield from (list(rows[start : start + size]) for start in range(0, len(rows), size))


def few(rows: Sequence[int], size: int) -> Iterator[list[int]]:
    """``ALONE`` rows one by one, and a batch."""
    yield from ([row] for row in rows[:ALONE])
    yield list(rows[:size])


def encoded_outputs(encoded: EncoderOutput) -> dict[str, np.ndarray]:
    return {
        "memory": encoded.memory.numpy(),
        "memory_length": encoded.memory_length.numpy(),
        "h": np.stack([state.h.numpy() for state in encoded.states], axis=1),
        "c": np.stack([state.c.numpy() for state in encoded.states], axis=1),
    }


class Finding(NamedTuple):
    """What the check of an export found."""

    calls: dict[str, int]
    largest_difference: float
    mismatch: str | None
    seconds_to_load: float


def write_calls(path: Path, calls: Sequence[Call]) -> None:
    """Writes what ``standalone_check`` reads."""
    arrays: dict[str, np.ndarray] = {}

    def place(value: Any) -> Any:
        if isinstance(value, list):
            return value
        arrays[f"array_{len(arrays)}"] = np.asarray(value)
        return f"array_{len(arrays) - 1}"

    described = [
        {
            "signature": call.signature,
            "inputs": {name: place(value) for name, value in call.inputs.items()},
            "outputs": {name: place(value) for name, value in call.outputs.items()},
        }
        for call in calls
    ]
    np.savez(path, calls=np.frombuffer(json.dumps(described).encode(), np.uint8), **arrays)


def check_exports(exports: Sequence[tuple[Path, Path]]) -> list[Finding]:
    """Checks exports in one fresh process that can import neither this package nor TensorFlow Addons.

    Args:
      exports: each with the calls that ``write_calls`` wrote.

    Raises:
      UserError: an export cannot be loaded, or fails.
    """
    paths = [str(path) for pair in exports for path in pair]
    command = [sys.executable, "-W", "ignore", standalone_check.__file__, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"The export fails in a process that has TensorFlow alone: {last}")
    return [Finding(**json.loads(line)) for line in done.stdout.splitlines()]
