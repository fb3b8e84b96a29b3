"""One run that is made of every example at once: each of them must work beside all others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from seq2seq.config.groups.attention import ATTENTIONS
from seq2seq.config.groups.hardware import STRATEGIES
from seq2seq.config.groups.model import ENCODERS
from seq2seq.config.groups.optimizer import OPTIMIZERS, SCHEDULES
from seq2seq.config.tables import DATA_FORMATS, METRICS, SIGNATURES, TASKS, TOKENIZERS
from tests.contracts.extension.toys import Way, added, taken_through
from tests.runs.tiny import LINES, write_corpus

EXAMPLES = {
    "Attention": (ATTENTIONS, "cosine"),
    "Encoder": (ENCODERS, "window"),
    "Optimizer": (OPTIMIZERS, "lion"),
    "Schedule": (SCHEDULES, "linear"),
    "Strategy": (STRATEGIES, "last_device"),
    "Task": (TASKS, "backwards"),
    "Reader": (DATA_FORMATS, "separated"),
    "Tokenizer": (TOKENIZERS, "punctuated"),
    "Metric": (METRICS, "exact"),
    "Signature": (SIGNATURES, "characters"),
}

CHOSEN = [
    "task=backwards",
    "data=separated",
    *(f"data.{split}=pairs" for split in ("train", "val", "test")),
    "data.separator='##'",
    "data.tokenizer.kind=punctuated",
    "model.encoder.kind=window",
    "model.encoder.options={reach: 2}",
    "model.decoder.attention.kind=cosine",
    "model.decoder.attention.options={sharpness: 5}",
    "optimizer.name=lion",
    "optimizer.options={decay: 0.5}",
    "optimizer.learning_rate=0.02",
    "optimizer.schedule={name: linear, total_steps: 4, warmup_steps: 0, options: {power: 2}}",
    "hardware.strategy=last_device",
    "hardware.device=cpu",
    "task.extra_metrics=[exact]",
    "task.metric=exact",
]


class Extended(NamedTuple):
    """The run of every example, and what was made of it.

    Attributes:
        way: through all that a run goes through.
        examples: by their sections, the modules.
        options: of the run.
        logged: while it was made.
    """

    way: Way
    examples: dict[str, ModuleType]
    options: list[str]
    logged: list[str]


class Messages(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@pytest.fixture(scope="package")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extended]:
    folder: Path = tmp_path_factory.mktemp("extended")
    text = "".join(f"{line} ## {line.upper()}\n" for line in LINES)
    (folder / "pairs").write_text(text, encoding="utf-8")
    pairs = ("data=parallel_text", "data.tokenizer", "=source", "=target")
    options = [
        option for option in write_corpus(folder) if not any(part in option for part in pairs)
    ] + CHOSEN
    logger, messages = logging.getLogger("seq2seq"), Messages()
    with pytest.MonkeyPatch.context() as patch:
        examples = {section: added(section, *where, patch) for section, where in EXAMPLES.items()}
        logger.addHandler(messages)
        logger.setLevel(logging.INFO)
        way = taken_through(options, folder, LINES, ["export.signatures=[characters,embed,embed_mean]"])
        logger.removeHandler(messages)
        yield Extended(way, examples, options, messages.said)
