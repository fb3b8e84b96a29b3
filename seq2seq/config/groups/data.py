"""`data`: what the formats of all tasks share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Optional

from seq2seq.config.fields import Choice, Group, choice_of, group, not_negative, option, positive
from seq2seq.config.groups.tokenizer import TokenizerConfig
from seq2seq.config.tables import DATA_FORMATS


class BatchType(Choice):
    tokens = "tokens", "size counts the padded tokens of source and target"
    examples = "examples", "size counts examples"


@dataclass
class BatchConfig(Group):
    """How examples are put together."""

    type: BatchType = option(BatchType.tokens, "what size counts")
    size: int = positive(4096, "of a training batch")
    size_eval: int = not_negative(0, "the same for validation loss and scoring; 0 takes size")
    window: int = positive(50, "batches' worth of shuffled examples that are sorted by length together")


@dataclass
class DataConfig(Group):
    """What all formats share."""

    #: What makes its reader, `module:function`, of these keys and the files of a split.
    reader: ClassVar[str]

    format: str = choice_of(DATA_FORMATS, "parallel_text", "set by the choice of data=")
    root: Optional[str] = option(
        None, "folder that relative paths of files start from; without it, the current one"
    )
    max_source_length: int = not_negative(
        100, "tokens; longer training examples are left out and counted; 0: no limit"
    )
    max_target_length: int = not_negative(100, "the same of the target")
    tokenizer: TokenizerConfig = group(TokenizerConfig)
    batch: BatchConfig = group(BatchConfig)
    index_dir: Optional[str] = option(
        None, "where indices of tokenised data are kept; without it, inside the run"
    )

    def problems(self, config: Any) -> Iterator[str]:
        if type(self) is not DATA_FORMATS.get(self.format):
            yield f"data.format={self.format}: set by the choice of data=; write data={self.format}"


def required_splits(data: Any) -> Iterator[str]:
    """A sentence for `train` and `val`, where no file is given for them."""
    for split in ("train", "val"):
        if getattr(data, split) is None:
            yield f"data.{split}: not given; a path or a list of paths"
