"""`task=autoencoder`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import Group, choice_of, group, not_negative, rate
from seq2seq.config.groups.line_data import LineDataConfig
from seq2seq.config.groups.task import metric_names
from seq2seq.config.groups.translation import TranslationTaskConfig
from seq2seq.config.tables import TASKS


@dataclass
class NoiseConfig(Group):
    """What is done to what is read, in training alone; what is written is the line as it was."""

    drop: float = rate(0.0, "share of tokens that are left out")
    mask: float = rate(0.0, "share of tokens that are made unknown")
    shuffle: int = not_negative(0, "places that a token is moved at most (arXiv:1711.00043)")


@dataclass
class AutoencoderTaskConfig(TranslationTaskConfig):
    """A line of text in, the same line out, through the encoder's final state alone."""

    implementation = "seq2seq.tasks.autoencoder.task:AutoencoderTask"
    metrics = ("accuracy", "bleu", "chrf")
    reads = LineDataConfig

    name: str = choice_of(TASKS, "autoencoder", "set by the choice of task=")
    metric: str = choice_of(metric_names, "chrf", "picks the best checkpoint, on the validation data")
    noise: NoiseConfig = group(NoiseConfig)

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        attention = getattr(getattr(config.model, "decoder", None), "attention", None)
        if attention is not None and attention.attends:
            yield (
                f"model.decoder.attention.kind={attention.kind}: could copy the line token by token, and the final"
                " state would say nothing of it; write model.decoder.attention.kind=none"
            )
