"""`data`: formats of texts with labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import choice_of, files, not_negative
from seq2seq.config.groups.data import DataConfig, required_splits
from seq2seq.config.tables import DATA_FORMATS


@dataclass
class LabelledDataConfig(DataConfig):
    """What all formats of texts with labels share."""

    max_source_length: int = not_negative(400, "tokens; longer texts are cut there; 0: no limit")
    max_target_length: int = not_negative(0, "of text alone: a label is one token")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        if self.max_target_length:
            yield f"data.max_target_length={self.max_target_length}: a label has no length; leave it out"
        if self.tokenizer.target_model is not None:
            yield (
                f"data.tokenizer.target_model={self.tokenizer.target_model}: labels have no tokenizer; give"
                " data.tokenizer.source_model"
            )


@dataclass
class LabelledTextConfig(LabelledDataConfig):
    """A label, a tab and a text on each line."""

    reader = "seq2seq.tasks.readers:labelled_text"

    format: str = choice_of(DATA_FORMATS, "labelled_text", "set by the choice of data=")
    train: Any = files("the training data, plain or .gz")
    val: Any = files("the same for validation")
    test: Any = files("the same for the test at the end; may be left out")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        yield from required_splits(self, can_be_split=False)
