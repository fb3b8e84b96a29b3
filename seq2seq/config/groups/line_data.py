"""`data`: formats of text on its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Optional

from seq2seq.config.fields import choice_of, files, not_negative, option
from seq2seq.config.groups.data import DataConfig, required_splits
from seq2seq.config.tables import DATA_FORMATS


@dataclass
class LineDataConfig(DataConfig):
    """What all formats of lines of text share: what reads a line and what writes it have one vocabulary."""

    one_sided: ClassVar[bool] = True

    max_source_length: int = not_negative(
        100, "tokens; longer training lines are left out and counted; 0: no limit"
    )
    max_target_length: int = not_negative(0, "of pairs alone: a line has one length")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        if self.max_target_length:
            yield (
                f"data.max_target_length={self.max_target_length}: a line has one length; write"
                " data.max_source_length"
            )
        if not self.tokenizer.shared:
            yield "data.tokenizer.shared=false: a line has one vocabulary; leave it out"
        if self.tokenizer.target_model is not None:
            yield (
                f"data.tokenizer.target_model={self.tokenizer.target_model}: a line has one vocabulary; give"
                " data.tokenizer.source_model"
            )


@dataclass
class TextConfig(LineDataConfig):
    """A sentence, or whatever is to be modelled as one, on each line."""

    reader = "seq2seq.tasks.readers:text"

    format: str = choice_of(DATA_FORMATS, "text", "set by the choice of data=")
    train: Any = files("the training data, plain or .gz")
    val: Any = files("the same for validation")
    test: Any = files("the same for the test at the end; may be left out")
    column: Optional[int] = option(
        None, "of tab-separated files, the column with the text, from 0; without it, the whole line"
    )

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        yield from required_splits(self, can_be_split=self.column is None)
        if self.column is not None and self.column < 0:
            yield f"data.column={self.column}: must be at least 0"
